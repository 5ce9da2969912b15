"""Limits as a workspace's pages show them."""

from collections.abc import Sequence
from dataclasses import replace

from tenants import selling
from tenants.team import invitations
from tenants.usage import service as usage
from tenants.usage.limits import API_CALLS, SEATS
from tenants.usage.service import Meter


def meters(tenant: str) -> Sequence[Meter]:
    """Before the tenant is bound. Whoever is invited has a seat too, and what is paid for by use ends at a cap."""
    invited, calls = invitations.seats(tenant).invited, selling.calls_up_to(tenant)
    return [_told(meter, invited, calls) for meter in usage.meters(tenant)]


def _told(meter: Meter, invited: int, calls: str | None) -> Meter:
    if meter.limit == SEATS and invited:
        return replace(meter, also=invited, note=f"{invited:,} by open invitations")
    if meter.limit == API_CALLS and calls:
        return replace(meter, up_to=calls)
    return meter
