"""What Stripe says of who pays, as columns of a customer's row."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from billing.gateway.payers import CustomerState
from billing.models import Customer
from saas.core.database import db

_SAME = ("currency", "balance", "card_brand", "card_last4", "card_expires")


def row(found: CustomerState) -> dict[str, Any]:
    """Its columns, but for the clock's, which never goes back."""
    return {name: getattr(found, name) for name in _SAME}


def keep(tenant: str, found: CustomerState, asked_at: datetime) -> None:
    """Unless a later answer is there already. That one was deleted stays true, and the rest of it as it was."""
    mine = sa.update(Customer).where(Customer.tenant == tenant, Customer.stripe_id == found.id)
    if found.deleted:
        db.session.execute(mine.values(deleted_at=sa.func.coalesce(Customer.deleted_at, asked_at)))
        return
    earlier = sa.or_(Customer.fetched_at.is_(None), Customer.fetched_at <= asked_at)
    db.session.execute(mine.where(earlier).values(row(found) | {"fetched_at": asked_at}))
    tick(tenant, found.id, found.clock_at)


def tick(tenant: str, customer: str, clock_at: datetime | None) -> None:
    """The time of the customer's test clock, where it has one."""
    if clock_at:
        mine = sa.update(Customer).where(Customer.tenant == tenant, Customer.stripe_id == customer)
        db.session.execute(mine.values(clock_at=sa.func.greatest(Customer.clock_at, clock_at)))
