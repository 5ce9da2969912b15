"""What can go wrong with API keys."""

from saas.core.errors import Invalid, NotFound, SignInNeeded


class KeyNeeded(SignInNeeded):
    title = "An API key is needed"

    def __init__(self) -> None:
        super().__init__("Send the header `Authorization: Bearer fh_…` with a key from the workspace's API keys page.")


class BadKey(SignInNeeded):
    """Forged, revoked, malformed, or another tenant's: all the same to the caller."""

    title = "This API key is not valid here"

    def __init__(self) -> None:
        super().__init__("It may have been revoked or mistyped, or belong to another workspace. Make a new one there.")


class UnknownKey(NotFound):
    title = "There is no such key"


class TooManyKeys(Invalid):
    title = "This workspace has too many keys"


class BeyondMaker(Invalid):
    title = "A key can't do more than you"

    def __init__(self, role: str) -> None:
        super().__init__(fields={"role": f"A key may not do more than you, and {role} does. Choose another role."})
