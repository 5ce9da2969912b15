"""/v1/subscriptions"""

from billing.sandbox.errors import ApiError, NotStoodIn
from billing.sandbox.money import changing, ending, subscribing
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.search import searched
from billing.sandbox.values import Obj

_SHARED = (
    "automatic_tax billing_cycle_anchor cancel_at_period_end cancellation_details collection_method days_until_due "
    "default_payment_method default_tax_rates description discounts items metadata off_session payment_behavior "
    "payment_settings "
    "proration_behavior trial_end trial_settings"
)
_ENDED = {"canceled", "incomplete_expired"}


@handles("post", "/v1/subscriptions")
def create(call: Call) -> Obj:
    params = call.takes(f"cancel_at customer currency trial_period_days {_SHARED}")
    _behaviour(params)
    if "customer" not in params:
        raise ApiError("Missing required param: customer.", "parameter_missing", "customer")
    if "items" not in params:
        raise ApiError("Missing required param: items.", "parameter_missing", "items")
    if params.get("collection_method") == "send_invoice" and "days_until_due" not in params:
        raise ApiError("Missing required param: days_until_due.", "parameter_missing", "days_until_due")
    customer = call.account.living("customer", params["customer"], "customer")
    with call.account.transaction():  # a decline under error_if_incomplete leaves nothing behind
        return subscribing.subscribe(call.account, customer, params)


@handles("get", "/v1/subscriptions/{subscription_exposed_id}")
def retrieve(call: Call) -> Obj:
    return call.account.get("subscription", call.ids[0])


@handles("post", "/v1/subscriptions/{subscription_exposed_id}")
def update(call: Call) -> Obj:
    params = call.takes(f"cancel_at proration_date {_SHARED}")
    _behaviour(params)
    found = call.account.get("subscription", call.ids[0])
    with call.account.transaction():
        return changing.update(call.account, found, params)


@handles("delete", "/v1/subscriptions/{subscription_exposed_id}")
def cancel(call: Call) -> Obj:
    params = call.takes("cancellation_details invoice_now prorate")
    found = call.account.get("subscription", call.ids[0])
    if found["status"] in _ENDED:
        raise ApiError(f"No such subscription: '{found['id']}'", "resource_missing", "id")
    details = params.get("cancellation_details") or {}
    found["cancellation_details"] = found["cancellation_details"] | {
        name: value or None for name, value in details.items() if name in {"comment", "feedback"}
    }
    with call.account.transaction():
        return ending.at_once(call.account, found, params)


@handles("get", "/v1/subscriptions")
def index(call: Call) -> Obj:
    """Without a status, those that have ended are left out."""
    params = call.takes("collection_method created customer ending_before limit price starting_after status test_clock")
    names = ("collection_method", "customer", "test_clock")
    found = call.account.all("subscription", **{name: params[name] for name in names if name in params})
    wanted = params.get("status")
    found = [each for each in found if wanted == "all" or _has_status(each, wanted)]
    if "price" in params:
        found = [
            each for each in found if any(item["price"]["id"] == params["price"] for item in each["items"]["data"])
        ]
    return lists.paged(call, found)


@handles("get", "/v1/subscriptions/search")
def search(call: Call) -> Obj:
    return searched(call, "subscription")


@handles("post", "/v1/subscriptions/{subscription}/resume")
def resume(call: Call) -> Obj:
    """Out of the pause that a trial without a card may end in."""
    call.takes("proration_behavior")
    found = call.account.get("subscription", call.ids[0])
    if found["status"] != "paused":
        raise ApiError("Only paused subscriptions can be resumed.")
    found["status"] = "trialing"
    call.account.save(found)
    return changing.update(call.account, found, {"trial_end": "now"})


def _has_status(found: Obj, wanted: str | None) -> bool:
    if wanted is None:
        return found["status"] not in _ENDED
    return found["status"] in _ENDED if wanted == "ended" else bool(found["status"] == wanted)


def _behaviour(params: Obj) -> None:
    if params.get("payment_behavior") == "pending_if_incomplete":
        raise NotStoodIn("The stand-in for Stripe does not do pending updates.", None, "payment_behavior")
