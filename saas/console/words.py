"""What actions change, as people read it."""

from collections.abc import Iterator
from datetime import datetime

from jinja2.filters import do_filesizeformat

from billing import catalog
from billing.models import Subscription
from billing.money import shown
from saas.console.actions import Change
from tenants.usage.limits import Limit


def plan(before: str, after: str) -> list[Change]:
    return [Change("Plan in force", catalog.name_of(before), catalog.name_of(after)), *limits(before, after)]


def limits(before: str, after: str) -> Iterator[Change]:
    """Those that differ. Nothing is deleted when there is more than a new limit allows."""
    pairs = zip(catalog.plan(before).allowances(), catalog.plan(after).allowances(), strict=True)
    for (limit, old), (_, new) in pairs:
        if old != new:
            yield Change(limit.label, allowance(limit, old), allowance(limit, new))


def allowance(limit: Limit, most: int | None) -> str:
    if most is None:
        return "No limit"
    return do_filesizeformat(most, binary=True) if limit.unit == "bytes" else f"{most:,}"


def price(subscription: Subscription | None) -> str:
    if subscription is None:
        return "Nothing"
    return f"{shown(subscription.amount, subscription.currency)} a {subscription.interval or 'period'}"


def day(at: datetime | None) -> str:
    return f"{at:%-d %b %Y, %H:%M} UTC" if at else "Never"
