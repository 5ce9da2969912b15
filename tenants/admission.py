"""Whether a request is let in: what its role may, how its workspace stands with billing, and what the plan has.

One place for pages and API, which goes by the permission that the view asks for. It costs no query.
"""

from flask import request

from saas.core import identity
from saas.core.identity import Workspace
from tenants.errors import NoSeat, ReadOnly, Unpaid
from tenants.members import permissions
from tenants.members.permissions import Permission
from tenants.models import Standing
from tenants.usage import features, over
from tenants.usage.limits import SEATS

_READING = {"GET", "HEAD", "OPTIONS"}


def admit(workspace: Workspace, role: str | None) -> None:
    """Raises NotPermitted, NoSeat, ReadOnly, Unpaid and FeatureMissing."""
    permission = permissions.wanted()
    _check_seat(role, permission)
    permissions.refuse(role, permission)
    check_standing(workspace.standing, permission)
    features.check(request.endpoint or "", workspace.limits)


def check_standing(standing: str, permission: Permission) -> None:
    """Raises Unpaid and ReadOnly. While it is read-only a workspace is read, and things are taken away from it."""
    if standing == Standing.SUSPENDED and not permission.always:
        raise Unpaid
    if standing == Standing.READ_ONLY and permission.writes and not _only_takes_away():
        raise ReadOnly


def _only_takes_away() -> bool:
    return request.method in _READING or permissions.removes(request.endpoint or "")


def _check_seat(role: str | None, permission: Permission) -> None:
    """Raises NoSeat where it is only for want of a seat that the role does not do."""
    unseated = identity.current().unseated
    if unseated is None or permissions.may(role, permission) or not permissions.may(unseated, permission):
        return
    if seats := over.now(SEATS):
        raise NoSeat(seats.sentence)
