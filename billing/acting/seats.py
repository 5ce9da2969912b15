"""Seats beyond those that the plan includes. What is at Stripe is always what the next renewal is to charge.

Who leaves is not charged for again; what is paid for stays usable until the period ends, so that somebody else can have
it for nothing more. Stripe keeps how many these are beside the subscription, so that events may come in any order.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing import money
from billing.acting import acts, changing
from billing.acting.acts import act, keep
from billing.entitlement import access, entitlements
from billing.errors import BadQuantity, NoSeats, NoSubscription, PayFirst, StaleOffer
from billing.gateway import previews, subscriptions
from billing.gateway.objects import SEATS_PAID, SEATS_PAID_UNTIL
from billing.gateway.previews import Preview
from billing.gateway.subscriptions import Change
from billing.gateway.wishes import Wish
from billing.mirrored import mirror
from billing.models import Subscription
from billing.offering import shaping
from billing.plans import catalog
from billing.plans.catalog import Interval, Price
from saas.core.database import outside
from tenants.usage.limits import SEATS

MOST = 10_000  # seats beyond the included ones
_RULE = "system"  # the actor where nobody has asked


@dataclass(frozen=True)
class Offer:
    """What it takes to have room for some people."""

    extra: int  # seats beyond the included ones, from then on
    each: int  # what one of them costs for an interval, in the currency's minor unit
    price: Price
    at: datetime  # the moment that the amounts are counted from
    preview: Preview | None  # of what is charged now; None: nothing, since the seats are paid for


def offer(tenant: str, people: int) -> Offer | None:
    """What `people` in all would cost; None: there is room for them. Raises NoSubscription, NoSeats and StripeAway."""
    old, customer = _live(tenant), mirror.customer_of(tenant)
    price = _price(old)
    extra = shaping.seats_beyond(price.plan, people)
    if extra <= old.seats:
        return None
    each = _each(price)
    at = mirror.time_of(tenant).replace(microsecond=0)
    paid = access.seats_of(old, at)
    if extra <= paid or old.status == "trialing":
        return Offer(extra, each, price, at, None)
    id_, wishes, payer = old.id, _wishes(old, price, extra), (customer and customer.stripe_id) or ""
    with outside():
        return Offer(extra, each, price, at, previews.preview(id_, Change(wishes, at), customer=payer))


def buy(tenant: str, extra: int, *, actor: str, key: UUID | None = None, at: datetime | None = None,
        due: int | None = None) -> Subscription:  # fmt: skip
    """Have so many seats beyond the included ones, charged from now to the period's end; nothing where they are there.

    Raises BadQuantity, NoSubscription, NoSeats, CardDeclined, StaleOffer and, while an invoice is open, PayFirst.
    """
    if not (money.whole(extra) and 0 < extra <= MOST):
        raise BadQuantity(f"Choose a number of seats from 1 to {MOST:,}.")
    entitlements.lock(tenant)
    old = _live(tenant)
    if extra <= old.seats:  # another tab, another admin or the same click was first
        return old
    price = _price(old)
    _each(price)
    if mirror.owes(old):
        raise PayFirst
    if at and not changing.holds(tenant, old, at):
        raise StaleOffer
    paid = access.seats_of(old, mirror.time_of(tenant))
    customer = mirror.customer_of(tenant)
    id_, before, payer = old.id, old.seats, (customer and customer.stripe_id) or ""
    tries = old.status == "trialing"
    free = Change(_wishes(old, price, min(paid, extra))) if paid > before else None
    charged = Change(_wishes(old, price, extra), at) if extra > paid else None
    with act("seats.bought", tenant, actor, "Room for more people.", key, before=before, after=extra) as asked:
        if charged and due is not None and not tries and not asked.sent:
            if previews.preview(id_, charged, customer=payer).due != due:
                raise StaleOffer
            acts.send(asked)
        if free:  # what is paid for first, for nothing
            subscriptions.change(id_, free, charged=False, key=f"{asked.key}:kept")
        if charged:
            subscriptions.change(id_, charged, key=f"{asked.key}:charged")
    return keep(asked, id_)


def follow(tenant: str, people: int) -> Subscription | None:
    """Let the next renewal charge as many seats as `people` need, of those that are paid for until then.

    Who leaves is not charged for; who comes into a seat that stood empty is. Never more than was paid for: that is for
    somebody to agree to.
    """
    entitlements.lock(tenant)
    old, now = mirror.live_subscription_of(tenant), mirror.time_of(tenant)
    if old is None or old.plan is None or (old.period_end and old.period_end <= now):  # a new period, not heard of yet
        return None
    price, paid = _price(old), access.seats_of(old, now)
    extra = min(shaping.seats_beyond(price.plan, people), paid)
    if extra == old.seats or price.seat is None:
        return None
    kept = {SEATS_PAID: str(paid), SEATS_PAID_UNTIL: str(int((old.period_end or now).timestamp()))}
    id_, before, wishes = old.id, old.seats, _wishes(old, price, extra)
    with act("seats.followed", tenant, _RULE, "As many as people.", None, before=before, after=extra) as asked:
        subscriptions.change(id_, Change(wishes), charged=False, metadata=kept, key=asked.key)
    return keep(asked, id_)


def _wishes(old: Subscription, price: Price, extra: int) -> list[Wish]:
    """The seats only, so that nothing else is touched."""
    return shaping.seat_items(price, extra, now=old)


def _price(old: Subscription) -> Price:
    return shaping.price_for(old, old.plan or "", old.interval or Interval.MONTH)


def _each(price: Price) -> int:
    if price.seat is None:
        raise NoSeats(price.plan.name, price.plan.included(SEATS.name) or 0)
    return price.seat


def _live(tenant: str) -> Subscription:
    found = mirror.live_subscription_of(tenant)
    if found is None or found.plan is None or catalog.find(found.plan, found.version) is None:
        raise NoSubscription
    return found
