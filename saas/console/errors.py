"""What can go wrong in the back office."""

from saas.core.errors import Forbidden, Invalid


class SecondFactorNeeded(Forbidden):
    title = "Your second factor is needed again"

    def __init__(self) -> None:
        super().__init__(
            "It was given more than 12 hours ago, or in another browser, so nothing was done. Enter a code, then go"
            " back and send the form again.",
            action=("Enter a code", "/console/second-factor"),
        )


class NothingToDo(Invalid):
    title = "There is nothing to do"

    def __init__(self) -> None:
        super().__init__("Meanwhile somebody did it, or it no longer fits: look at it again.")
