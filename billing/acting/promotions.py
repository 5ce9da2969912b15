"""A promotion code for who has a subscription; whoever has none yet types theirs in where they pay."""

from uuid import UUID

import sqlalchemy as sa

from billing import money
from billing.acting import changing
from billing.acting.acts import act, keep
from billing.entitlement import entitlements
from billing.errors import BadCode, NoSubscription, Refused
from billing.gateway import previews, promotions, schedules, subscriptions
from billing.gateway.promotions import Promotion
from billing.inbox.following import REDEEMED
from billing.mirrored import mirror
from billing.models import Subscription
from saas.core.audit import AuditEntry
from saas.core.database import db, outside

_LONGEST = 100


def redeem(tenant: str, code: str, *, actor: str, key: UUID | None = None) -> Subscription:
    """Raises NoSubscription and, also for a code that takes off less than what is taken off now, BadCode."""
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
    _check_currency(promotion, old.currency)
    entitlements.lock(tenant)  # given up by asking
    if _had(tenant, promotion.id, but=key):
        raise BadCode("This workspace has used that code before. Nothing was changed.")
    if before and not _sent(key):
        _check_worth(old, promotion, code, instead_of=before)
        entitlements.lock(tenant)
    schedule, planned = old.schedule, changing.planned(old)
    with act(REDEEMED, tenant, actor, "A promotion code.", key, before=before, after=code, code=promotion.id) as asked:
        if schedule:  # whose phases have their discounts from when it was made
            schedules.release(schedule, key=f"{asked.key}:{schedule}:released")
        try:
            subscriptions.discount(id_, promotion.id, key=asked.key)
        except Refused as error:  # used up, or not for them
            raise _refusal(error, promotion) from None
        finally:
            if planned:
                schedules.plan(id_, planned, key=f"{asked.key}:{schedule}:again")
    return keep(asked, id_)


def _check_currency(promotion: Promotion, currency: str) -> None:
    if promotion.currencies is not None and currency not in promotion.currencies:
        raise BadCode(f"This code is not for prices in {money.named(currency)}. Nothing was changed.")


def _check_worth(old: Subscription, promotion: Promotion, code: str, *, instead_of: str) -> None:
    """There is one discount at a time, so that a smaller one would take the place of what is there."""
    id_, customer = old.id, mirror.customer_of(old.tenant)
    payer = (customer and customer.stripe_id) or ""
    try:
        with outside():
            now = previews.upcoming(id_, customer=payer)
            then = previews.upcoming(id_, customer=payer, code=promotion.id)
    except Refused as error:
        raise _refusal(error, promotion) from None
    if now and then and then.total > now.total:
        less, more = (money.shown(one.total, one.currency) for one in (now, then))
        raise BadCode(
            f"Your discount takes off more than the code {code}: with {instead_of} the next renewal costs {less}, with"
            f" the code it would be {more}. Nothing was changed."
        )


def _refusal(error: Refused, promotion: Promotion) -> BadCode:
    if promotion.first_only and "prior transactions" in error.detail:  # as Stripe says it
        return BadCode("This code is for first purchases only. Nothing was changed.")
    return BadCode(error.detail)


def _sent(key: UUID | None) -> bool:
    """Whether its form was sent before, so that what is taken off now may be by this code."""
    return key is not None and db.session.get(AuditEntry, key) is not None


def _had(tenant: str, promotion: str, *, but: UUID | None) -> bool:
    """Whether a code was used up by them: for one invoice it would be one for each, if it could be typed in again."""
    mine = (AuditEntry.tenant == tenant, AuditEntry.action == REDEEMED)
    other = sa.and_(AuditEntry.detail["code"].astext == promotion, AuditEntry.detail["act"].astext != str(but))
    return bool(db.session.scalar(sa.select(sa.exists().where(*mine, other))))
