"""Why a tenant has what it has, in sentences: for its own people, for admins, for the command line."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from billing.entitlement import access, dunning, entitlements
from billing.entitlement.access import Access, UnknownVersion
from billing.ledger import AccessChange, Grant, Override
from billing.mirrored import mirror
from billing.models import Subscription
from billing.money import shown
from billing.plans import catalog
from billing.why import deeds, phrases, telling
from billing.why.phrases import Who
from saas.core.database import db
from tenants.errors import UnknownTenant
from tenants.models import Standing, Tenant
from tenants.usage import limits
from tenants.usage.limits import SEATS, Limit

_STANDINGS = {
    Standing.GOOD: "Good: no payment is open that has failed.",
    Standing.PAST_DUE: "A payment has failed. Everything works still.",
    Standing.READ_ONLY: "A payment has failed for so long that nothing can be written.",
    Standing.SUSPENDED: "A payment has failed for so long that only billing and the export are open.",
}
_STEPS = {"read_only": "nothing can be written any more", "suspended": "only billing and the export are left open"}


@dataclass(frozen=True)
class Fact:
    """Something that holds now."""

    about: str  # "Plan", "Records"
    text: str


@dataclass(frozen=True)
class Sentence:
    at: datetime
    text: str


@dataclass(frozen=True)
class Explanation:
    tenant: str
    facts: tuple[Fact, ...]
    history: tuple[Sentence, ...]  # the newest first


def explain(tenant: str, naming: Callable[[Iterable[str]], Who] = phrases.to_admins, most: int = 20) -> Explanation:
    """`naming` says how those who did something are named. Raises UnknownTenant."""
    row = db.session.get(Tenant, tenant, populate_existing=True)
    if row is None:
        raise UnknownTenant
    changes = entitlements.access_changes_of(tenant, most)
    found = _effective(row)
    subscription = mirror.subscription_of(tenant)
    acts = deeds.of(tenant, most)
    who = naming([*_actors(changes, found), *(entry.actor for entry in acts)])
    facts = [
        Fact("Plan", " ".join(_plan(found, subscription, who))),
        *(Fact(limit.label, _limit(limit, row, found, subscription, who)) for limit in limits.every()),
        Fact("Standing", " ".join(_standing(row))),
        *(Fact("To come", text) for text in _to_come(found, subscription)),
    ]
    history = [(change.id, Sentence(change.at, telling.told(change, who))) for change in changes]
    history += [(entry.id, Sentence(entry.at, deeds.told(entry, who, _currency(subscription)))) for entry in acts]
    newest = sorted(history, key=lambda one: one[0], reverse=True)[:most]
    return Explanation(tenant, tuple(facts), tuple(sentence for _id, sentence in newest))


def _currency(subscription: Subscription | None) -> str:
    return subscription.currency if subscription else catalog.CURRENCY


def _effective(row: Tenant) -> Access | None:
    """None while a plan of another release is in force, of which this one knows nothing but its name."""
    try:
        return access.effective(row.id)
    except UnknownVersion:
        return None


def _actors(changes: Iterable[AccessChange], found: Access | None) -> Iterator[str]:
    yield from (change.source for change in changes if change.cause == "person")
    if found:
        yield from (one.author for one in found.overrides)
        if found.grant:
            yield found.grant.author


def _plan(found: Access | None, subscription: Subscription | None, who: Who) -> Iterator[str]:
    if found is None:
        yield "It is on a plan that another release of this site has sold, and keeps what that one has written down."
        return
    named = phrases.plan(found.plan.code, found.plan.version)
    if found.grant:
        yield f"{named}, {_given(found.grant, who)}."
        if subscription and subscription.live:
            yield f"Its subscription ({_price(subscription)}) goes on beside that."
    elif subscription and found.rule == "subscription":
        yield f"{named}, by {_named(subscription, who)}: {_price(subscription)}, {_status(subscription)}."
    else:
        yield f"{named}: nothing is paid for, and nothing was given."
        if subscription:
            ended = f" on {phrases.day(subscription.ended_at)}" if subscription.ended_at else ""
            yield (
                f"{phrases.begun(_named(subscription, who))} ended{ended}."
                if not subscription.live
                else f"{phrases.begun(_named(subscription, who))} is {_status(subscription)}, which gives nothing."
            )


def _named(subscription: Subscription, who: Who) -> str:
    return "the subscription" if who.plainly else f"the subscription {subscription.id}"


def _given(grant: Grant, who: Who) -> str:
    told = f"given by {who(grant.author)} on {phrases.day(grant.created_at)} {phrases.until(grant.until)}"
    return told + phrases.quoted(grant.reason)


def _price(subscription: Subscription) -> str:
    return f"{shown(subscription.amount, subscription.currency)} a {subscription.interval or 'period'}"


def _status(subscription: Subscription) -> str:
    if subscription.status == "trialing" and subscription.trial_end:
        return f"on trial until {phrases.day(subscription.trial_end)}"
    return subscription.status.replace("_", " ")


def _limit(limit: Limit, row: Tenant, found: Access | None, subscription: Subscription | None, who: Who) -> str:
    now = limits.allowed(row.limits, limit)
    amount = phrases.begun(phrases.allowance(limit, now))
    if found is None or now != limits.allowed(found.limits, limit):  # a cap on spending, or a change a moment ago
        return f"{amount}, by the last of the changes below."
    by = next((one for one in found.overrides if one.resource == limit.name), None)
    if by:
        return f"{amount}, {_overridden(by, limit, found, who)}."
    if limit is SEATS and found.seats:
        return (
            f"{amount}: {found.plan.included(SEATS.name)} from the plan and {found.seats} more, {_paid(subscription)}."
        )
    return f"{amount}, from the plan."


def _overridden(by: Override, limit: Limit, found: Access, who: Who) -> str:
    usual = phrases.allowance(limit, found.plan.included(limit.name))
    told = f"instead of the plan's {usual}: set by {who(by.author)} on {phrases.day(by.created_at)}"
    return f"{told} {phrases.until(by.until)}{phrases.quoted(by.reason)}"


def _paid(subscription: Subscription | None) -> str:
    if subscription and subscription.seats < subscription.seats_paid and subscription.seats_paid_until:
        return f"paid for until {phrases.day(subscription.seats_paid_until)}, and {subscription.seats} after that"
    return "paid for"


def _standing(row: Tenant) -> Iterator[str]:
    yield _STANDINGS[row.standing]
    if step := dunning.next_step(row.id):
        what = _STEPS.get(step.name, "the subscription ends")
        yield f"Unless it is paid, {what} from {phrases.day(step.at)} on."


def _to_come(found: Access | None, subscription: Subscription | None) -> Iterator[str]:
    if subscription and subscription.live and subscription.cancel_at:
        why = phrases.quoted(subscription.cancel_reason)
        yield f"The subscription ends on {phrases.day(subscription.cancel_at)}; nothing is deleted.{why}"
    if subscription and subscription.live and subscription.next_plan and subscription.next_at:
        named = phrases.plan(subscription.next_plan, subscription.next_version)
        yield f"{named}, by the {subscription.next_interval}, from {phrases.day(subscription.next_at)} on."
    if found and found.grant and found.grant.until:
        yield f"What was given ends on {phrases.day(found.grant.until)}."
    for one in found.overrides if found else ():
        if one.until:
            label, day = limits.get(one.resource).label, phrases.first_day(one.until)
            yield f"{label}: the plan's own limit again from {day} on."
