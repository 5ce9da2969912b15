"""What takes a discount away: DELETE …/discount of a customer and of a subscription."""

from billing.sandbox import events
from billing.sandbox.errors import NotFound
from billing.sandbox.money import conditions
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj


@handles("delete", "/v1/customers/{customer}/discount")
def of_customer(call: Call) -> Obj:
    made = call.account.living("customer", call.ids[0])
    if not made["discount"]:
        raise _none(f"No active discount for customer: {made['id']}")
    gone = conditions.end(call.account, made["discount"]["id"])
    events.changed(call.account, "customer.updated", made | {"discount": None})
    return gone | {"deleted": True}


@handles("delete", "/v1/subscriptions/{subscription_exposed_id}/discount")
def of_subscription(call: Call) -> Obj:
    """All discounts of the whole subscription; those of its items stay."""
    made = call.account.get("subscription", call.ids[0])
    if not made["discounts"]:
        raise _none(f"No active discount for subscription: {made['id']}")
    gone = [conditions.end(call.account, wanted) for wanted in made["discounts"]]
    events.changed(call.account, "customer.subscription.updated", made | {"discounts": []})
    return gone[0] | {"deleted": True}


def _none(message: str) -> NotFound:
    return NotFound(message, "resource_missing")
