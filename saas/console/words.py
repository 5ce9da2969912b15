"""What actions change, as people read it."""

from collections.abc import Iterator
from datetime import datetime

from billing.entitlement import access
from billing.models import Subscription
from billing.money import minor, shown, written
from billing.plans import catalog
from billing.plans.catalog import Plan
from billing.why import phrases
from saas.console.accounts import Account
from saas.console.actions import Change
from tenants.usage.limits import Limit, allowed, every


def plan(account: Account, after: Plan, paid: Subscription | None = None) -> list[Change]:
    return [Change("Plan in force", catalog.name_of(account.plan), after.name), *limits(account, after, paid)]


def limits(account: Account, after: Plan, paid: Subscription | None = None) -> Iterator[Change]:
    """Those that will be others than they are on a plan, by a subscription if it is `paid` for.

    Nothing is deleted when there is more than a new limit allows.
    """
    then = access.of_plan(account.id, after, paid)
    for limit in every():
        old, new = allowed(account.limits, limit), allowed(then, limit)
        if old != new:
            yield Change(limit.label, allowance(limit, old), allowance(limit, new))


def allowance(limit: Limit, most: int | None) -> str:
    return phrases.begun(phrases.allowance(limit, most))


def price(subscription: Subscription | None) -> str:
    if subscription is None:
        return "Nothing"
    return f"{shown(subscription.amount, subscription.currency)} a {subscription.interval or 'period'}"


def unreadable(amount: str | None, currency: str) -> str | None:
    """What is to be written instead of an amount that can't be read; None: it can be."""
    if minor(amount or "", currency) is not None:
        return None
    examples = dict.fromkeys(written(one, currency).removesuffix(".00") for one in (1_200, 1_250))
    return f"Write an amount in {currency.upper()}, such as {' or '.join(examples)}."


def day(at: datetime | None) -> str:
    return f"{at:%-d %b %Y, %H:%M} UTC" if at else "Never"
