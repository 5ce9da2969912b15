"""What can go wrong with people's accounts."""

from saas.core.errors import Invalid, NotFound


class EmailTaken(Invalid):
    title = "This email already has an account"

    def __init__(self) -> None:
        super().__init__(fields={"email": "This email already has an account. Sign in, or reset its password."})


class BadCredentials(Invalid):
    """Never tells whether the email or the password is wrong."""

    title = "That email and password don't match"

    def __init__(self) -> None:
        super().__init__("That email and password don't match. Check both, or reset the password.")


class UnusableCode(NotFound):
    """Forged, used, expired, or another browser's: all the same to whoever holds it."""

    title = "This link no longer works"


class UnknownSession(NotFound):
    title = "There is no such session"

    def __init__(self) -> None:
        super().__init__("It may have ended already.", action=("Where you are signed in", "/account/sessions"))
