"""What can go wrong as a team changes."""

from http import HTTPStatus

from saas.core.errors import Forbidden, Invalid, NotFound, PlatformError


class UnknownMember(NotFound):
    title = "There is no such member here"

    def __init__(self) -> None:
        super().__init__("They may have left already.", action=("Team", "/team"))


class UnknownInvitation(NotFound):
    title = "There is no such open invitation"

    def __init__(self) -> None:
        super().__init__("It may have been accepted or revoked already.", action=("Team", "/team"))


class UnconfirmedInviter(Forbidden):
    title = "Confirm your email first"

    def __init__(self, email: str, url: str) -> None:
        super().__init__(
            f"Invitations go out in your name, so open the link that we sent to {email}. If it got lost, send it again"
            " from the list of your workspaces.",
            action=("Your workspaces", url),
        )


class OwnersOnly(Forbidden):
    title = "Only an owner may do this"

    def __init__(self) -> None:
        super().__init__("Owners are made, changed and removed by owners. Ask one of them.", action=("Team", "/team"))


class RaisesItself(Forbidden):
    title = "You can't give yourself more than you have"

    def __init__(self) -> None:
        super().__init__("Ask somebody else who manages the team.", action=("Team", "/team"))


class LastOwner(Invalid):
    title = "A workspace needs an owner"

    def __init__(self) -> None:
        super().__init__(
            "This is the only owner, so the role stays. Make somebody else an owner first.", action=("Team", "/team")
        )


class AlreadyMember(Invalid):
    title = "They belong to this workspace already"

    def __init__(self, email: str) -> None:
        super().__init__(fields={"email": f"{email} belongs to this workspace already."})


class AlreadyInvited(Invalid):
    title = "They are invited already"

    def __init__(self, email: str) -> None:
        super().__init__(fields={"email": f"{email} is invited already. Send the invitation again, or revoke it."})


class SeatsTaken(PlatformError):
    """Nobody more can be invited."""

    status = HTTPStatus.PAYMENT_REQUIRED
    title = "Every seat is taken"

    def __init__(self, allowed: int, members: int, invited: int) -> None:
        super().__init__(
            f"Your plan's seats: {allowed}. Members: {members}, open invitations: {invited}. Nobody was invited."
            " Revoke an invitation, remove somebody, or choose a larger plan.",
            action=("Plan and payments", "/billing"),
        )


class NoSeatForYou(PlatformError):
    """Whoever accepts is told nothing of the workspace's plan; the invitation stays good."""

    status = HTTPStatus.CONFLICT
    title = "There is no seat for you yet"

    def __init__(self) -> None:
        super().__init__(
            "All seats of this workspace are taken, so you have not joined. Tell whoever invited you, and open the link"
            " again once there is one."
        )


class TakesNobody(PlatformError):
    """It has not paid, which is not for whoever is invited to know."""

    status = HTTPStatus.CONFLICT
    title = "This workspace takes nobody new just now"

    def __init__(self) -> None:
        super().__init__("You have not joined. Tell whoever invited you, and open the link again when they say so.")


class AnothersInvitation(Forbidden):
    """Does not say whose."""

    title = "This invitation is for somebody else"

    def __init__(self) -> None:
        super().__init__("It was sent to another address than yours. Sign out and open the link once more.")


class AccountExists(Invalid):
    title = "You have an account already"

    def __init__(self, path: str) -> None:
        super().__init__("It was made a moment ago. Sign in with it to join.", action=("Sign in and join", path))
