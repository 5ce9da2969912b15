"""What can go wrong between a visitor and a tenant."""

from saas.core.errors import Forbidden, Invalid, NotFound, Unavailable


class AddressTaken(Invalid):
    title = "This address is taken"

    def __init__(self, address: str) -> None:
        super().__init__(fields={"address": f"{address} is taken. Choose another address."})


class BadAddress(Invalid):
    title = "This address can't be used"

    def __init__(self, message: str) -> None:
        super().__init__(fields={"address": message})


class UnknownWorkspace(NotFound):
    title = "There is no workspace at this address"


class NotAMember(Forbidden):
    title = "You are not a member of this workspace"


class BeingPrepared(Unavailable):
    title = "This workspace is being prepared"
