"""A promotion code for who has a subscription; whoever has none yet types theirs in where they pay."""

from uuid import UUID

import sqlalchemy as sa

from billing.acting import changing
from billing.acting.acts import act, keep
from billing.entitlement import entitlements
from billing.errors import BadCode, NoSubscription, Refused
from billing.gateway import promotions, schedules, subscriptions
from billing.inbox.following import REDEEMED
from billing.mirrored import mirror
from billing.models import Subscription
from saas.core.audit import AuditEntry
from saas.core.database import db, outside

_LONGEST = 100


def redeem(tenant: str, code: str, *, actor: str, key: UUID | None = None) -> Subscription:
    """Raises BadCode and NoSubscription."""
    code = code.strip()
    if not code or len(code) > _LONGEST or not code.isprintable():
        raise BadCode
    entitlements.lock(tenant)
    old = mirror.live_subscription_of(tenant)
    if old is None:
        raise NoSubscription
    if old.own_price:
        raise BadCode(
            "This workspace has a price of its own, which a code would take the place of. Nothing was changed."
        )
    id_, before = old.id, old.discount
    with outside():
        promotion = promotions.find(code)
    if promotion is None:
        raise BadCode
    entitlements.lock(tenant)  # given up by asking
    if _had(tenant, promotion, but=key):
        raise BadCode("This workspace has used that code before. Nothing was changed.")
    schedule, planned = old.schedule, changing.planned(old)
    with act(REDEEMED, tenant, actor, "A promotion code.", key, before=before, after=code, code=promotion) as asked:
        if schedule:  # whose phases have their discounts from when it was made
            schedules.release(schedule, key=f"{asked.key}:{schedule}:released")
        try:
            subscriptions.discount(id_, promotion, key=asked.key)
        except Refused as error:  # used up, or not for them
            raise BadCode(error.detail) from None
        finally:
            if planned:
                schedules.plan(id_, planned, key=f"{asked.key}:{schedule}:again")
    return keep(asked, id_)


def _had(tenant: str, promotion: str, *, but: UUID | None) -> bool:
    """Whether a code was used up by them: for one invoice it would be one for each, if it could be typed in again."""
    mine = (AuditEntry.tenant == tenant, AuditEntry.action == REDEEMED)
    other = sa.and_(AuditEntry.detail["code"].astext == promotion, AuditEntry.detail["act"].astext != str(but))
    return bool(db.session.scalar(sa.select(sa.exists().where(*mine, other))))
