"""Which items a subscription has for a plan, its seats and its overage; and when a change of it comes."""

from collections.abc import Iterator
from typing import Literal

from billing.errors import UnknownPlan
from billing.gateway.products import Tariff
from billing.gateway.wishes import Wish
from billing.models import Subscription
from billing.plans import catalog
from billing.plans.catalog import Interval, Part, Plan, Price
from billing.plans.model import PLAN, SEAT
from tenants.usage.limits import API_CALLS, SEATS

METERED = API_CALLS.name


def price_for(subscription: Subscription, code: str, interval: str) -> Price:
    """What a plan costs who has a subscription: in its currency, and of the version they are on already.

    Raises UnknownPlan.
    """
    version = subscription.version if subscription.plan == code else None
    return catalog.price(code, interval, subscription.currency, version)


def items(price: Price, *, seats: int = 0, overage: bool = False, now: Subscription | None = None) -> list[Wish]:
    """All items for a price; `now` says which are there already, so that they are changed and not added."""
    wishes = [Wish(_tariff(price, PLAN), now.item if now else None, 1)]
    wishes += _optional(price, SEAT, now.seat_item if now else None, wanted=seats > 0, quantity=seats)
    wishes += _optional(price, METERED, now.metered_item if now else None, wanted=overage, quantity=None)
    return wishes


def seat_items(price: Price, seats: int, *, now: Subscription) -> list[Wish]:
    """The item for the seats alone. One that is there stays with none, so that seats can be had by it again."""
    there = now.seat_item is not None
    return list(_optional(price, SEAT, now.seat_item, wanted=there or seats > 0, quantity=seats))


def overage_items(price: Price, *, now: Subscription) -> list[Wish]:
    """The item for what is used beyond the included amount, and no other."""
    return list(_optional(price, METERED, now.metered_item, wanted=True, quantity=None))


def seats_beyond(plan: Plan, members: int) -> int:
    """How many of the members are more than the plan includes."""
    included = plan.included(SEATS.name)
    return 0 if included is None else max(members - included, 0)


def when(old: Subscription, new: Price) -> Literal["now", "later"]:
    """More is had at once, and less when what is paid for is used up; a trial has paid for nothing.

    Plans are compared by the price of a month, and the same plan by how long it is paid for in advance.
    """
    if old.status == "trialing":
        return "now"
    before, after = _rank(old), new.plan.amount(Interval.MONTH, new.currency)
    if before == after:
        return "now" if new.interval is Interval.YEAR else "later"
    return "now" if after > before else "later"


def _rank(old: Subscription) -> int:
    plan = catalog.find(old.plan, old.version)
    return plan.amount(Interval.MONTH, old.currency) if plan and not plan.free else 0


def _optional(price: Price, part: str, item: str | None, *, wanted: bool, quantity: int | None) -> Iterator[Wish]:
    if wanted:
        if part == SEAT and price.seat is None:
            raise UnknownPlan(fields={"plan": f"{price.plan.name} can have no more seats than it includes."})
        yield Wish(_tariff(price, part), item, quantity)
    elif item:
        yield Wish(None, item)


def _tariff(price: Price, part: str) -> Tariff:
    return Tariff(Part(price.plan, part), price.interval, price.currency)
