"""Who pays for a tenant, at Stripe."""

from uuid import UUID

import sqlalchemy as sa

from billing.errors import Refused, StripeFailed
from billing.gateway import checkouts as gateway
from billing.gateway.connection import livemode
from billing.models import Customer
from saas.core.database import db, outside, separate
from saas.core.ids import uuid7


def ensure(tenant: str, *, email: str, name: str) -> str:
    """The id of the tenant's customer at Stripe, made when there is none. To be called with the tenant's row locked.

    Commits: the intent first, then, when it returns, the caller's transaction holds the result. A customer of the
    other mode, live or test, is left behind, since this key does not know it, and so is one that was deleted there.
    """
    row = db.session.get(Customer, tenant, populate_existing=True)
    if row is None:
        row = Customer(tenant=tenant, livemode=livemode(), email=email, name=name[:120])
        db.session.add(row)
    elif row.deleted_at or row.livemode != livemode():
        _begin_again(row)
        row.email, row.name = email, name[:120]
    if row.stripe_id is None:
        db.session.flush()
        id_, kept_email, kept_name = str(row.id), row.email, row.name
        try:
            with outside():
                made = gateway.create_customer(email=kept_email, name=kept_name, tenant=tenant, key=id_)
        except (
            Refused,
            StripeFailed,
        ):  # the next try has a key of its own, and an address
            unmade = (Customer.tenant == tenant, Customer.id == UUID(id_), Customer.stripe_id.is_(None))
            with separate() as connection:
                connection.execute(sa.delete(Customer).where(*unmade))
            raise
        row.stripe_id = made
    return row.stripe_id


def _begin_again(row: Customer) -> None:
    """Nothing that Stripe has said of the one before is true of the next."""
    row.id, row.livemode = uuid7(), livemode()
    row.stripe_id = row.deleted_at = row.clock_at = row.fetched_at = None
    row.currency = row.card_brand = row.card_last4 = row.card_expires = None
    row.balance = 0
