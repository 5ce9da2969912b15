"""What smaller limits would do to a workspace, told before they are chosen: some becomes read-only, nothing is lost."""

from collections.abc import Mapping
from dataclasses import dataclass

from tenants.backend.collections import service as collections
from tenants.members import service as members
from tenants.usage import over
from tenants.usage import service as usage
from tenants.usage.limits import COLLECTIONS, SEATS
from tenants.usage.over import Over


@dataclass(frozen=True)
class Loss:
    """One stock of which there would be more than is allowed, and what of it would be read-only."""

    over: Over
    names: tuple[str, ...]  # collections' labels, members' addresses; of others none, since no one record is meant


def losses(tenant: str, allowances: Mapping[str, int | None]) -> list[Loss]:
    """What would be over with other limits (as in `tenants.limits`). The tenant is bound."""
    used = {meter.limit.name: meter.used for meter in usage.meters(tenant)}
    return [Loss(found, _names(found)) for found in over.over(allowances, used)]


def _names(found: Over) -> tuple[str, ...]:
    if found.limit == COLLECTIONS:
        return tuple(one.label for one in collections.newest_beyond(found.allowed))
    if found.limit == SEATS:
        everybody = members.members()
        beyond = members.unseated(everybody, found.allowed)
        return tuple(member.email for member in everybody if member.id in beyond)
    return ()
