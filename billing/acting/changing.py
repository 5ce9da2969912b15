"""From one plan to another: more at once, for what the preview said; less when what is paid for is used up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from billing.acting import moving
from billing.acting.acts import act, keep, tell
from billing.acting.moving import Move
from billing.entitlement import access, entitlements
from billing.errors import Ending, PayFirst, SamePlan, StaleOffer, UnknownPlan
from billing.gateway import previews
from billing.gateway.objects import SEATS_PAID
from billing.gateway.previews import Preview
from billing.gateway.schedules import Then
from billing.gateway.subscriptions import Change
from billing.mirrored import mirror
from billing.models import Subscription
from billing.offering import shaping
from billing.plans import catalog
from billing.plans.catalog import Interval, Price
from saas.core.database import outside
from tenants.team import invitations

HOLDS = timedelta(hours=1)  # so long an offer can be accepted for what it said


@dataclass(frozen=True)
class Offer:
    """What a change would cost, and when it comes."""

    price: Price
    when: Literal["now", "later"]
    at: datetime  # the moment that the amounts are counted from, or at which the change comes
    preview: Preview | None  # of what is charged now; None: nothing, since it comes later or a trial goes on


def offer(tenant: str, price: Price, *, at_once: bool = False) -> Offer:
    """Ask Stripe what a change would charge at this moment. Raises NoSubscription and StripeAway."""
    old, customer = mirror.live(tenant), mirror.customer_of(tenant)
    if not at_once and shaping.when(old, price) == "later" and old.period_end:
        return Offer(price, "later", old.period_end, None)
    at = mirror.time_of(tenant).replace(microsecond=0)
    if old.status == "trialing" and not ends_trial_by(old, price):  # Stripe would preview the trial's end
        return Offer(price, "now", at, None)
    id_, wanted, payer = old.id, _change(tenant, old, price, at), (customer and customer.stripe_id) or ""
    with outside():
        return Offer(price, "now", at, previews.preview(id_, wanted, customer=payer))


def change_plan(  # noqa: PLR0913  all that there is to say of a change, of which callers leave out most
    tenant: str, price: Price, *, actor: str, reason: str, key: UUID | None = None, at: datetime | None = None,
    due: int | None = None, at_once: bool = False,
) -> Subscription:  # fmt: skip
    """Move to another plan or interval: for more at once, for less at the period's end, unless it is to be `at_once`.

    Who was shown an offer names its moment `at` and what was `due`: that is charged, or nothing is changed and
    StaleOffer raised. Raises NoSubscription, SamePlan, UnknownPlan, CardDeclined, Ending while a cancellation waits for
    its time and, while an invoice is open, PayFirst: the change would credit what was never paid.
    """
    entitlements.lock(tenant)
    old = mirror.live(tenant)
    _check_currency(old, price)
    before = {"plan": old.plan, "version": old.version, "interval": old.interval}
    after = {"plan": price.plan.code, "version": price.plan.version, "interval": price.interval.value}
    if before == after and not old.next_at:
        raise SamePlan(price.plan.name)
    if old.cancel_at:
        raise Ending(old.cancel_at)
    later = not at_once and shaping.when(old, price) == "later"
    if later and after == {"plan": old.next_plan, "version": old.next_version, "interval": old.next_interval}:
        return old  # planned already, as by the same form, whose answer got lost
    if old.status == "trialing" and not ends_trial_by(old, price):
        due = None  # nothing is charged, whatever a preview of the trial's end would say
    if not later and before != after and mirror.owes(old):
        raise PayFirst
    if at and not later and not holds(tenant, old, at):
        raise StaleOffer
    wanted = None if before == after else _change(tenant, old, price, at)
    move = _move(tenant, old, wanted, then=_then(old, price, wanted, after) if later else None, due=due)
    since = int(mirror.time_of(tenant).timestamp())
    when = old.period_end.isoformat() if later and old.period_end else "now"
    told: dict[str, Any] = {"before": before, "after": after, "when": when, "since": since}
    with act("subscription.changed", tenant, actor, reason, key, **told) as asked:
        moving.carry_out(asked, move)
    kept = keep(asked, move.subscription)
    if later and kept.next_at:
        tell(asked, kept, "plan-planned")
    return kept


def ends_trial_by(old: Subscription, price: Price) -> bool:
    """A plan without a trial is not had for nothing by way of one that has a trial."""
    return old.status == "trialing" and not price.plan.trial.days


def holds(tenant: str, old: Subscription, at: datetime) -> bool:
    """Whether an offer that counted from a moment may still be accepted."""
    now = mirror.time_of(tenant)
    begun = old.period_start is None or old.period_start <= at
    return begun and now - HOLDS <= at <= now + timedelta(seconds=60)


def _change(tenant: str, old: Subscription, price: Price, at: datetime | None) -> Change:
    """More seats than are included go along only where somebody pays for more now: nobody is to lose theirs by it."""
    now = shaping.when(old, price) == "now" and access.seats_of(old, mirror.time_of(tenant)) > 0
    seats = shaping.seats_beyond(price.plan, invitations.people([tenant])[tenant]) if now else 0
    overage = old.metered_item is not None and shaping.METERED in price.plan.overage
    items = shaping.items(price, seats=seats, overage=overage, now=old)
    restarts = old.interval != price.interval and old.status != "trialing"
    return Change(items, at, ends_trial_by(old, price), restarts, drops_discount=old.own_price)


def _move(tenant: str, old: Subscription, wanted: Change | None, *, then: Then | None, due: int | None) -> Move:
    now, customer = mirror.time_of(tenant), mirror.customer_of(tenant)
    at_once = None if then else wanted
    return Move(
        subscription=old.id,
        customer=(customer and customer.stripe_id) or "",
        schedule=old.schedule,
        planned=planned(old),
        kept=_kept(old, access.seats_of(old, now)) if at_once else None,
        now=at_once,
        then=then,
        due=due,
        metadata={SEATS_PAID: "0"},
    )


def _then(old: Subscription, price: Price, wanted: Change | None, about: Mapping[str, Any]) -> Then | None:
    if wanted is None or old.period_end is None:
        return None
    told = {name: str(value) for name, value in about.items()}
    return Then(wanted.items, old.period_end, price.interval, told, drops_discount=old.own_price)


def planned(old: Subscription) -> Then | None:
    """What its schedule is to bring."""
    if not (old.next_plan and old.next_interval and old.next_at):
        return None
    price = catalog.price(old.next_plan, old.next_interval, old.currency, old.next_version)
    about = {"plan": old.next_plan, "version": str(old.next_version), "interval": old.next_interval}
    overage = old.metered_item is not None and shaping.METERED in price.plan.overage
    items = shaping.items(price, overage=overage)
    return Then(items, old.next_at, price.interval, about, drops_discount=old.own_price)


def _kept(old: Subscription, paid: int) -> Change | None:
    """Seats that stand empty and are paid for are credited with the rest, so they have to be there as it changes."""
    if paid <= old.seats:
        return None
    price = shaping.price_for(old, old.plan or "", old.interval or Interval.MONTH)
    return Change(shaping.seat_items(price, paid, now=old))


def _check_currency(old: Subscription, price: Price) -> None:
    """One that pays in a currency pays in it for ever: https://docs.stripe.com/api/subscriptions/object"""
    if price.currency != old.currency:
        words = f"This workspace pays in {old.currency.upper()}, which a change of the plan does not change."
        raise UnknownPlan(fields={"currency": words})
