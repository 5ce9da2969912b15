"""/v1/payment_intents, /v1/charges"""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.cards import UNAUTHENTICATED, Decline
from billing.sandbox.errors import ApiError
from billing.sandbox.money import charging, collecting, methods
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.expand import includes
from billing.sandbox.shapes import payments
from billing.sandbox.values import Obj, list_of, merged

_WAITING = {"requires_payment_method", "requires_confirmation", "requires_action"}


@handles("post", "/v1/payment_intents")
def create(call: Call) -> Obj:
    params = call.takes(
        "amount currency customer description metadata payment_method payment_method_types confirm off_session "
        "automatic_payment_methods setup_future_usage return_url"
    )
    if params["amount"] < 1:
        raise ApiError("This value must be greater than or equal to 1.", "parameter_invalid_integer", "amount")
    customer = params.get("customer")
    if customer:
        call.account.living("customer", customer, "customer")
    made = payments.payment_intent(
        params["amount"], params["currency"], customer, call.account.now(customer), params.get("description")
    )
    made["metadata"] = merged({}, params.get("metadata"))
    if "payment_method" in params:
        made |= {
            "payment_method": _method(call, made, params["payment_method"])["id"],
            "status": "requires_confirmation",
        }
    events.added(call.account, "payment_intent.created", made)
    return _confirmed(call, made) if params.get("confirm") else made


@handles("post", "/v1/payment_intents/{intent}/confirm")
def confirm(call: Call) -> Obj:
    params = call.takes("payment_method off_session return_url")
    made = call.account.get("payment_intent", call.ids[0])
    if made["status"] not in _WAITING:
        raise ApiError(
            f"You cannot confirm this PaymentIntent because it has a status of {made['status']}.",
            "payment_intent_unexpected_state",
        )
    if "payment_method" in params:
        made["payment_method"] = _method(call, made, params["payment_method"])["id"]
    return _confirmed(call, made)


@handles("post", "/v1/payment_intents/{intent}/cancel")
def cancel(call: Call) -> Obj:
    params = call.takes("cancellation_reason")
    made = call.account.get("payment_intent", call.ids[0])
    if made["status"] not in _WAITING:
        raise ApiError(
            f"You cannot cancel this PaymentIntent because it has a status of {made['status']}.",
            "payment_intent_unexpected_state",
        )
    return charging.cancel(call.account, made, params.get("cancellation_reason"), call.account.now(made["customer"]))


@handles("get", "/v1/payment_intents/{intent}")
def retrieve(call: Call) -> Obj:
    call.takes("client_secret")
    return call.account.get("payment_intent", call.ids[0])


@handles("get", "/v1/payment_intents")
def index(call: Call) -> Obj:
    call.takes("created customer ending_before limit starting_after")
    return lists.page(call, "payment_intent", "customer")


@handles("get", "/v1/charges/{charge}")
def charge(call: Call) -> Obj:
    return call.account.get("charge", call.ids[0])


@handles("get", "/v1/charges")
def charges(call: Call) -> Obj:
    call.takes("created customer payment_intent ending_before limit starting_after")
    return lists.page(call, "charge", "customer", "payment_intent")


@includes("charge", "refunds")
def its_refunds(account: Account, charge: Obj) -> Obj:
    return list_of(account.all("refund", charge=charge["id"]), f"/v1/charges/{charge['id']}/refunds")


def _method(call: Call, intent: Obj, wanted: str) -> Obj:
    method = methods.found(call.account, wanted)
    if method["customer"] and method["customer"] != intent["customer"]:
        raise ApiError("The provided PaymentMethod belongs to another customer.", param="payment_method")
    return method


def _confirmed(call: Call, made: Obj) -> Obj:
    """Raises CardDeclined; the intent remembers the decline."""
    if made["payment_method"] is None:
        raise ApiError(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "payment_intent_unexpected_state",
            "payment_method",
        )
    method = call.account.get("payment_method", made["payment_method"])
    invoice = call.account.private(made["id"]).get("invoice")
    if invoice:
        collecting.collect(call.account, call.account.get("invoice", invoice), method)
        made = call.account.get("payment_intent", made["id"])
    else:
        made = charging.confirm(call.account, made, method)
    if error := made["last_payment_error"]:
        raise Decline(error["code"], error.get("decline_code"), error["message"]).error(payment_intent=made)
    if made["status"] == "requires_action" and call.params.get("off_session"):
        raise UNAUTHENTICATED.error(payment_intent=made)
    return made
