"""For each of billing's jobs that follow what is used, what it is run with (tests/core/jobs/test_handlers.py)."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from billing.acting import seats
from billing.metering import agreeing
from billing.models import Subscription
from saas.core.database import db, transaction
from tenants.models import Tenant
from tenants.usage.models import Usage, UsageHour
from tests.support.billing_jobs import prepared_stripe
from tests.support.payments import subscribe
from tests.support.people import Person

WHO = "user:tests"


def near_a_limit(owner: Person) -> list[Any]:
    """Of 1,000 records that are free, as many are used."""
    with transaction():
        mine = (Usage.tenant == owner.tenant, Usage.resource == "records", Usage.period == "")
        db.session.execute(sa.delete(Usage).where(*mine))
        db.session.add(Usage(tenant=owner.tenant, resource="records", period="", used=1_000))
        db.session.execute(sa.update(Tenant).where(Tenant.id == owner.tenant).values(limits={}))
    return []


def with_calls_to_tell_of(owner: Person) -> list[Any]:
    subscribe(prepared_stripe(), owner)
    with transaction():
        agreeing.agree(owner.tenant, 5_000, actor=WHO)
    with transaction():
        mine, ago = sa.update(Subscription).where(Subscription.tenant == owner.tenant), timedelta(hours=10)
        begun = {"started_at": Subscription.started_at - ago, "period_start": Subscription.period_start - ago}
        db.session.execute(mine.values(begun))
        for hours in (3, 4):
            at = sa.func.date_trunc("hour", sa.func.now() - timedelta(hours=hours))
            db.session.add(UsageHour(tenant=owner.tenant, resource="api_calls", hour=at, used=100 * hours))
    return []


def with_a_seat_too_many(owner: Person) -> list[Any]:
    subscribe(prepared_stripe(), owner)
    with transaction():
        seats.buy(owner.tenant, 2, actor=WHO)
    return []


def _of(case: Any) -> Any:
    def with_its_tenant(owner: Person) -> list[Any]:
        return [*case(owner), owner.tenant]

    return with_its_tenant


CASES = {
    "billing.follow_seats": _of(with_a_seat_too_many),
    "billing.follow_seats_all": with_a_seat_too_many,
    "billing.report": _of(with_calls_to_tell_of),
    "billing.report_all": with_calls_to_tell_of,
    "billing.watch": _of(near_a_limit),
    "billing.watch_all": near_a_limit,
}
