"""/v1/refunds"""

from billing.sandbox import events
from billing.sandbox.errors import ApiError
from billing.sandbox.money import refunding
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj, merged


@handles("post", "/v1/refunds")
def create(call: Call) -> Obj:
    params = call.takes("amount charge metadata payment_intent reason")
    charge = _charge(call, params)
    reason, metadata = params.get("reason"), merged({}, params.get("metadata"))
    return refunding.refund(call.account, charge, params.get("amount"), reason, metadata)


@handles("get", "/v1/refunds/{refund}")
def retrieve(call: Call) -> Obj:
    return call.account.get("refund", call.ids[0])


@handles("post", "/v1/refunds/{refund}")
def update(call: Call) -> Obj:
    params = call.takes("metadata")
    made = call.account.get("refund", call.ids[0])
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return events.changed(call.account, "refund.updated", made)


@handles("get", "/v1/refunds")
def index(call: Call) -> Obj:
    call.takes("charge created ending_before limit payment_intent starting_after")
    return lists.page(call, "refund", "charge", "payment_intent")


def _charge(call: Call, params: Obj) -> Obj:
    if "charge" in params:
        return call.account.get("charge", params["charge"], "charge")
    if "payment_intent" not in params:
        raise ApiError(
            "One of the following params should be provided for this request: payment_intent or charge.",
            "parameter_missing",
        )
    intent = call.account.get("payment_intent", params["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        raise ApiError(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", param="payment_intent"
        )
    return call.account.get("charge", intent["latest_charge"])
