"""Jobs that follow what is used: seats, calls, and how near a tenant is to its limits.

Stripe is asked `outside`, in small transactions of its own; each step can be done twice.
"""

from uuid import UUID

from billing.acting import seats
from billing.gateway.connection import set_up
from billing.metering import leaving, reporting, watching
from saas.core.database import transaction
from saas.core.jobs import enqueue, handler


@handler("billing.watch_all", every=60)
def watch_all() -> None:
    for tenant in watching.to_look_at():
        enqueue("billing.watch", args=(tenant,), key=tenant)


@handler("billing.watch")
def watch(tenant: str) -> None:
    """Tells of what is nearly used up, and ends use that may cost no more."""
    watching.look(tenant)


@handler("billing.report_all", every=300)
def report_all() -> None:
    for tenant in reporting.charged() if set_up() else ():
        enqueue("billing.report", args=(tenant,), key=tenant)


def _report(_job: UUID, tenant: str) -> int:
    return reporting.report(tenant)


@handler("billing.report", queue="slow", outside=_report)
def report(tenant: str, told: int) -> None:
    """Tells Stripe what one tenant has used in the hours that are over."""


@handler("billing.follow_seats_all", every=60)
def follow_seats_all() -> None:
    for tenant in leaving.out_of_step() if set_up() else ():
        enqueue("billing.follow_seats", args=(tenant,), key=tenant)


def _follow(_job: UUID, tenant: str) -> None:
    with transaction():
        seats.follow(tenant, leaving.people(tenant))


@handler("billing.follow_seats", outside=_follow)
def follow_seats(tenant: str, _followed: None) -> None:
    """Somebody has left, or come into a seat that stood empty: the next renewal charges what is needed then."""
