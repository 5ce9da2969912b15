"""What can go wrong with a second factor."""

from saas.core.errors import Invalid, Unavailable


class WrongCode(Invalid):
    """Never tells whether it was wrong or used before."""

    title = "That code does not work"

    def __init__(self) -> None:
        message = "That code does not work. Each works once: wait for the app's next one, and check your clock."
        super().__init__(fields={"code": message})


class StaleEnrolment(Invalid):
    title = "This form was made for another session"

    def __init__(self) -> None:
        super().__init__("This form was made for another session. Scan the new picture and enter its code.")


class AlreadyEnrolled(Invalid):
    title = "There is a second factor already"

    def __init__(self) -> None:
        super().__init__(
            "You have a second factor already. Who lost theirs asks for `saas users reset-second-factor`.",
            action=("Enter a code", "/console/second-factor"),
        )


class UnreadableFactor(Unavailable):
    title = "The second factor can't be read"

    def __init__(self) -> None:
        super().__init__(
            "It was stored under another SECRET_KEY. Somebody with the command line runs"
            " `saas users reset-second-factor` for you; then you set it up anew."
        )
