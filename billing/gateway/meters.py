"""What Stripe counts of use, so that it can charge for it."""

from datetime import datetime

import stripe

from billing.gateway.connection import client, reaches_stripe


def event_of(resource: str) -> str:
    """The name of the events that tell what was used of a limit."""
    return f"freehold_{resource}"


@reaches_stripe
def find() -> dict[str, str]:
    """The ids of the active meters, by the names of their events."""
    found = client().v1.billing.meters.list({"status": "active", "limit": 100})
    return {meter.event_name: meter.id for meter in found.auto_paging_iter()}


@reaches_stripe
def create(*, event: str, name: str, key: str) -> str:
    """A meter that adds up the values of its events, by customer."""
    made = client().v1.billing.meters.create(
        {
            "display_name": name,
            "event_name": event,
            "default_aggregation": {"formula": "sum"},
            "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
            "value_settings": {"event_payload_key": "value"},
        },
        {"idempotency_key": key},
    )
    return made.id


@reaches_stripe
def report(*, event: str, customer: str, value: int, at: datetime, identifier: str) -> None:
    """Tell of `value` units that were used at a time. Stripe counts an `identifier` once, for at least a day.

    https://docs.stripe.com/api/billing/meter-event/create
    """
    payload = {"stripe_customer_id": customer, "value": str(value)}
    told: stripe.params.billing.MeterEventCreateParams = {
        "event_name": event,
        "payload": payload,
        "identifier": identifier,
        "timestamp": int(at.timestamp()),
    }
    try:
        client().v1.billing.meter_events.create(told)
    except stripe.InvalidRequestError as error:
        if error.param != "identifier" or "already exists" not in (error.user_message or ""):
            raise  # else it was told before, by somebody who died before they could write that down
