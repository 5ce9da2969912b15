"""What a failed payment leads to, step by step; the days are the catalogue's. Paying undoes each step at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.mirrored import mirror
from billing.models import Subscription
from billing.plans import catalog
from tenants.models import Standing

STANDINGS = {"read_only": Standing.READ_ONLY, "suspended": Standing.SUSPENDED, "cancelled": Standing.SUSPENDED}
COMMENT = "Not paid for."  # kept at Stripe with the cancellation
WARNING = timedelta(days=1)  # so long before each step its people are told of it


@dataclass(frozen=True)
class Step:
    """What happens to an account, and when, unless somebody pays."""

    name: str  # "read_only", "suspended" or "cancelled"
    at: datetime


def standing(subscription: Subscription | None, now: datetime) -> Standing:
    """By how long its first open payment has been failing; while it is fresh everything works."""
    steps = steps_of(subscription)
    if steps is None:
        return Standing.GOOD
    past = [STANDINGS[step.name] for step in steps if step.at <= now]
    return past[-1] if past else Standing.PAST_DUE


def steps_of(subscription: Subscription | None) -> list[Step] | None:
    """All steps in their order, those that are past too; None: nothing is overdue."""
    since = mirror.overdue_since(subscription) if subscription else None
    if since is None:
        return None
    days = vars(catalog.dunning())
    return [Step(name, since + timedelta(days=after)) for name, after in days.items() if after is not None]


def step_after(subscription: Subscription | None, now: datetime) -> Step | None:
    """What happens next to who does not pay."""
    return next((step for step in steps_of(subscription) or [] if step.at > now), None)


def next_step(tenant: str) -> Step | None:
    return step_after(mirror.subscription_of(tenant), mirror.time_of(tenant))


def warns_at(subscription: Subscription, step: Step) -> datetime | None:
    """When a step is announced; None where it follows so soon that the mail before it has told of it."""
    moments = [mirror.overdue_since(subscription), *(one.at for one in steps_of(subscription) or [])]
    before = max((at for at in moments if at is not None and at < step.at), default=None)
    at = step.at - WARNING
    return at if before is None or before < at else None


def looks_at(subscription: Subscription | None, now: datetime) -> datetime | None:
    """The next moment at which something is to be done or told; None: never, unless something happens."""
    step = step_after(subscription, now)
    if subscription is None or step is None:
        return None
    warning = warns_at(subscription, step)
    return warning if warning and warning > now else step.at


def due_to_end(tenant: str) -> bool:
    """Whether nobody has paid for so long that the subscription ends."""
    now = mirror.time_of(tenant)
    steps = steps_of(mirror.live_subscription_of(tenant)) or []
    return any(step.name == "cancelled" and step.at <= now for step in steps)
