"""What can go wrong between a visitor and a tenant."""

from http import HTTPStatus

from saas.core.errors import Forbidden, Invalid, NotFound, PlatformError, TooManyAttempts, Unavailable


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


class NotPermitted(Forbidden):
    title = "Your role does not allow this"

    def __init__(self, role: str, sentence: str, roles: str) -> None:
        a = "an" if role[:1] in "aeio" else "a"
        super().__init__(f"As {a} {role} you may not {sentence}. Ask somebody with the role {roles}.")


class Suspended(Forbidden):
    title = "This workspace is suspended"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} Nothing is lost: write to support, and it opens again as it was.".strip())


class LimitReached(PlatformError):
    """The caller's transaction is to be rolled back: what was to be counted is not."""

    status = HTTPStatus.PAYMENT_REQUIRED
    title = "The plan's limit is reached"

    def __init__(self, label: str) -> None:
        super().__init__(
            f"{label}: your plan allows no more, so nothing was stored. Remove some, or choose a larger plan.",
            action=("Usage and limits", "/usage"),
        )


_PLANS = ("Plan and payments", "/billing")


class OverLimit(PlatformError):
    """There is more than the plan allows, as after a downgrade; so what is there can be read and deleted only."""

    status = HTTPStatus.PAYMENT_REQUIRED
    title = "There is more than the plan allows"

    def __init__(self, fact: str, way_out: str) -> None:
        super().__init__(f"{fact} {way_out}", action=_PLANS)


class NoSeat(PlatformError):
    """For a member beyond the plan's seats, who may only read."""

    status = HTTPStatus.PAYMENT_REQUIRED
    title = "There is no seat for you in this plan"

    def __init__(self, fact: str) -> None:
        super().__init__(
            f"{fact} You are one of them. Ask an owner to choose a larger plan, or to remove somebody.",
            action=("Team", "/team"),
        )


class FeatureMissing(PlatformError):
    status = HTTPStatus.PAYMENT_REQUIRED
    title = "The plan does not have this"

    def __init__(self, label: str) -> None:
        super().__init__(f"{label}: your plan does not have it. See which plans do, and choose one.", action=_PLANS)


class ReadOnly(PlatformError):
    status = HTTPStatus.PAYMENT_REQUIRED
    title = "This workspace is read-only"

    def __init__(self) -> None:
        super().__init__(
            "A payment is overdue, so nothing can be added or changed until it is paid. What is there can be read and"
            " deleted, and nothing is lost.",
            action=_PLANS,
        )


class Unpaid(PlatformError):
    status = HTTPStatus.PAYMENT_REQUIRED
    title = "This workspace is suspended until it is paid"

    def __init__(self) -> None:
        super().__init__(
            "A payment has been overdue for too long, so only payments and usage are open. Nothing is lost: once it is"
            " paid, everything is as it was, at once.",
            action=_PLANS,
        )


class CallsUsedUp(TooManyAttempts):
    title = "The plan's API calls of this month are used up"

    def __init__(self) -> None:
        super().__init__(
            "All calls that the plan allows this month are used. Choose a larger plan, or wait for the next month.",
            action=("Usage and limits", "/usage"),
        )


class TooManyCalls(TooManyAttempts):
    title = "This workspace asks for more than its share"

    def __init__(self, bound: str, seconds: int) -> None:
        wait = f"in {seconds} seconds" if seconds > 1 else "in a second"
        super().__init__(f"{bound} Nothing was changed; try again {wait}.", retry_after=seconds)


class BeingPrepared(Unavailable):
    title = "This workspace is being prepared"


class UnknownTenant(NotFound):
    title = "There is no such workspace"


class AlreadySuspended(Invalid):
    title = "This workspace is suspended already"

    def __init__(self) -> None:
        super().__init__("This workspace is suspended already. Resume it first to suspend it with another text.")


class NotSuspended(Invalid):
    title = "This workspace is not suspended"

    def __init__(self) -> None:
        super().__init__("This workspace is not suspended, so there is nothing to resume.")
