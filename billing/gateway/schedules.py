"""A change that Stripe makes by itself when a period ends: a schedule of two phases, what is now and what comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import stripe
from stripe.params import (
    SubscriptionScheduleUpdateParams,
    SubscriptionScheduleUpdateParamsPhase,
    SubscriptionScheduleUpdateParamsPhaseDiscount,
    SubscriptionScheduleUpdateParamsPhaseItem,
)

from billing.gateway import wishes
from billing.gateway.connection import client, reaches_stripe
from billing.gateway.reading import id_of
from billing.gateway.wishes import Wish

_OPEN = {"not_started", "active"}


@dataclass(frozen=True)
class Then:
    """What a subscription is to become, and when."""

    items: Sequence[Wish]
    at: datetime  # its period's end
    interval: str
    about: Mapping[str, str]  # is kept at the schedule
    drops_discount: bool = False


@reaches_stripe
def plan(subscription: str, then: Then, *, key: str) -> None:
    """Let a subscription have other items when its period ends; what it has goes on until then.

    After its first period under the new items the subscription is by itself again.
    """
    schedules = client().v1.subscription_schedules
    made = schedules.create({"from_subscription": subscription}, {"idempotency_key": f"{key}:made"})
    current = made.phases[0]
    now, terms = [_as_it_is(item) for item in current["items"]], _terms(current)
    later = {**terms, "discounts": ""} if then.drops_discount else terms
    wanted: SubscriptionScheduleUpdateParams = {
        "end_behavior": "release",
        "proration_behavior": "none",
        "metadata": dict(then.about),
        "phases": [
            {**terms, "items": now, "start_date": current.start_date, "end_date": int(then.at.timestamp())},
            {
                **later,
                "items": cast("list[SubscriptionScheduleUpdateParamsPhaseItem]", wishes.made(then.items)),
                "billing_cycle_anchor": "phase_start",
                "duration": {"interval": then.interval, "interval_count": 1},
            },
        ],
    }
    schedules.update(made.id, wanted, {"idempotency_key": f"{key}:planned"})


@reaches_stripe
def release(id_: str, *, key: str) -> None:
    """Forget the change: the subscription goes on as it is. One that was released or is over stays so."""
    schedules = client().v1.subscription_schedules
    try:
        schedules.release(id_, {}, {"idempotency_key": key})
    except stripe.InvalidRequestError:
        if schedules.retrieve(id_).status in _OPEN:
            raise


def _terms(phase: stripe.SubscriptionSchedule.Phase) -> SubscriptionScheduleUpdateParamsPhase:
    """Discounts and taxes, which a phase that does not name them has not."""
    named: SubscriptionScheduleUpdateParamsPhase = {"items": []}
    if phase.discounts:
        named["discounts"] = [_discount(one) for one in phase.discounts]
    if phase.default_tax_rates:
        named["default_tax_rates"] = [rate.id for rate in phase.default_tax_rates]
    if phase.automatic_tax:
        named["automatic_tax"] = {"enabled": phase.automatic_tax.enabled}
    return named


def _discount(one: stripe.SubscriptionSchedule.Phase.Discount) -> SubscriptionScheduleUpdateParamsPhaseDiscount:
    """As it is, so that it lasts no longer than it did; else what leads to one."""
    if one.discount:
        return {"discount": str(id_of(one.discount))}
    if one.promotion_code:
        return {"promotion_code": str(id_of(one.promotion_code))}
    return {"coupon": str(id_of(one.coupon))}


def _as_it_is(item: stripe.SubscriptionSchedule.Phase.Item) -> SubscriptionScheduleUpdateParamsPhaseItem:
    price = item.price if isinstance(item.price, str) else item.price.id
    return (
        {"price": price}
        if (number := getattr(item, "quantity", None)) is None
        else {"price": price, "quantity": number}
    )
