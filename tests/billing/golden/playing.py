"""Does the steps of a case; plain calls of the `stripe` package, the same at Stripe and at the stand-in."""

import uuid
from functools import singledispatch
from typing import Any

import pytest
import stripe

from tests.billing.golden import steps
from tests.billing.golden.model import Change, Step, moment
from tests.billing.golden.stage import PATIENCE, Stage
from tests.billing.golden.terms import discount, rate
from tests.support.live import eventually

SETTLING = 2 * 3600  # seconds; Stripe leaves a renewal's invoice a draft for an hour


@singledispatch
def do(step: Step, _stage: Stage) -> None:
    raise NotImplementedError(step)


@do.register
def _(step: steps.Subscribe, stage: Stage) -> None:
    items = stage.items(step.items)
    discounts = [discount(each, stage) for each in step.coupons]
    wanted = {
        "customer": stage.customer.id,
        "items": items,
        "currency": stage.case.currency,
        "payment_behavior": "allow_incomplete",
        "discounts": discounts,
        "default_tax_rates": [rate(each, stage) for each in step.taxes],
        "trial_period_days": step.trial_days,
        "trial_settings": step.without_card and {"end_behavior": {"missing_payment_method": step.without_card}},
        "billing_cycle_anchor": step.anchor and moment(step.anchor),
        "proration_behavior": step.behaviour,
    }
    stage.subscribed = stage.v1.subscriptions.create({name: value for name, value in wanted.items() if value}).id


@do.register
def _(step: Change, stage: Stage) -> None:
    stage.reach(moment(step.at))
    stage.v1.subscriptions.update(stage.subscribed, changing(step, stage))


def changing(step: Change, stage: Stage) -> dict[str, Any]:
    """The parameters of an update, or of a preview's `subscription_details`."""
    wanted: dict[str, Any] = {"proration_behavior": step.behaviour}
    if step.items:
        wanted["items"] = stage.changed(step.items)
    if step.anchor_now:
        wanted["billing_cycle_anchor"] = {"type": "now"}
    if step.date:
        wanted["proration_date"] = moment(step.date)
    if step.without_coupons:
        wanted["discounts"] = ""
    return wanted


@do.register
def _(step: steps.Redeem, stage: Stage) -> None:
    stage.reach(moment(step.at))
    stage.v1.subscriptions.update(stage.subscribed, {"discounts": [discount(step.coupon, stage)]})


@do.register
def _(step: steps.Renewed, stage: Stage) -> None:
    stage.reach(moment(step.at) + SETTLING)


@do.register
def _(step: steps.TrialEnds, stage: Stage) -> None:
    stage.reach(moment(step.at))
    end = "now" if step.until == "now" else moment(step.until)
    stage.v1.subscriptions.update(stage.subscribed, {"trial_end": end, "proration_behavior": step.behaviour})


@do.register
def _(step: steps.Cancel, stage: Stage) -> None:
    stage.reach(moment(step.at))
    wanted = {"prorate": step.prorate, "invoice_now": step.invoice_now}
    stage.v1.subscriptions.cancel(stage.subscribed, wanted)


@do.register
def _(step: steps.CancelAtEnd, stage: Stage) -> None:
    stage.reach(moment(step.at))
    stage.v1.subscriptions.update(stage.subscribed, {"cancel_at_period_end": True})


@do.register
def _(step: steps.Later, stage: Stage) -> None:
    made = stage.v1.subscription_schedules.create({"from_subscription": stage.subscribed})
    phase = made.phases[0]
    same = [{"price": each.price, "quantity": each.quantity} for each in phase["items"]]
    now = {"items": same, "start_date": phase.start_date, "end_date": phase.end_date}
    length = {"interval": "month", "interval_count": 1}
    then = {"items": stage.items(step.items), "duration": length, "proration_behavior": "none"}
    wanted = {"phases": [now, then], "end_behavior": "release", "proration_behavior": "none"}
    stage.schedule = stage.v1.subscription_schedules.update(made.id, wanted).id


@do.register
def _(_step: steps.Stay, stage: Stage) -> None:
    stage.v1.subscription_schedules.release(stage.schedule)


@do.register
def _(step: steps.Used, stage: Stage) -> None:
    stage.reach(moment(step.at))
    for value in step.values:
        payload = {"stripe_customer_id": stage.customer.id, "value": str(value)}
        told = {"event_name": stage.meter.event_name, "payload": payload, "identifier": str(uuid.uuid4())}
        stage.v1.billing.meter_events.create(told | {"timestamp": stage.now})
    stage.used += sum(step.values)
    eventually(lambda: _counted(stage) == stage.used, PATIENCE)


def _counted(stage: Stage) -> float:
    """What Stripe has summed up; it does so some time after the events."""
    minute = (stage.now // 60 + 1) * 60
    within = {"customer": stage.customer.id, "start_time": moment(stage.case.start) // 60 * 60, "end_time": minute}
    found = stage.v1.billing.meters.event_summaries.list(stage.meter.id, within)
    return float(sum(each.aggregated_value for each in found.data))


@do.register
def _(step: steps.CreditNote, stage: Stage) -> None:
    invoice = stage.invoice()
    wanted = {
        "invoice": invoice.id,
        "amount": step.amount,
        "lines": step.whole and [_whole(line) for line in invoice.lines.data],
        "refund_amount": step.refund,
        "credit_amount": step.credit,
        "out_of_band_amount": step.outside,
    }
    made = stage.v1.credit_notes.create({name: value for name, value in wanted.items() if value})
    found = (made.pre_payment_amount, made.post_payment_amount, made.total)
    told = (step.before_payment, step.after_payment, step.before_payment + step.after_payment)
    assert found == told, f"before and after payment, total: {found}, not {told}"


def _whole(line: Any) -> dict[str, Any]:
    return {"type": "invoice_line_item", "invoice_line_item": line.id, "amount": line.amount}


@do.register
def _(step: steps.Refund, stage: Stage) -> None:
    stage.v1.refunds.create({"payment_intent": stage.charged(), "amount": step.amount})


@do.register
def _(step: steps.Paid, stage: Stage) -> None:
    method = stage.v1.payment_methods.attach(step.card, {"customer": stage.customer.id})
    stage.v1.invoices.pay(stage.invoice().id, {"payment_method": method.id})


@do.register
def _(step: steps.Refused, stage: Stage) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        do(step.step, stage)
