"""/v1/payment_methods"""

from billing.sandbox import cards, events
from billing.sandbox.errors import ApiError
from billing.sandbox.money import methods
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.shapes import people
from billing.sandbox.values import Obj, merged


@handles("post", "/v1/payment_methods")
def create(call: Call) -> Obj:
    params = call.takes("type card billing_details metadata allow_redisplay")
    if params.get("type") != "card" or "card" not in params:
        raise ApiError("The stand-in for Stripe has payment methods of the type card only.", param="type")
    details = params.get("billing_details") or {}
    made = _from_token(call, params["card"], details) or _from_number(call, params["card"], details)
    made["metadata"] = merged({}, params.get("metadata"))
    return call.account.save(made)


@handles("get", "/v1/payment_methods/{payment_method}")
def retrieve(call: Call) -> Obj:
    return methods.found(call.account, call.ids[0])


@handles("post", "/v1/payment_methods/{payment_method}")
def update(call: Call) -> Obj:
    params = call.takes("billing_details card metadata allow_redisplay")
    made = call.account.living("payment_method", call.ids[0])
    if "billing_details" in params:
        made["billing_details"] = people.billing_details({**made["billing_details"], **params["billing_details"]})
    made["card"] = made["card"] | {
        name: value for name, value in (params.get("card") or {}).items() if name in {"exp_month", "exp_year"}
    }
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return events.changed(call.account, "payment_method.updated", made)


@handles("get", "/v1/payment_methods")
def index(call: Call) -> Obj:
    params = call.takes("customer type limit starting_after ending_before allow_redisplay")
    if "customer" in params:
        call.account.get("customer", params["customer"], "customer")
    return lists.page(call, "payment_method", "customer", "type")


@handles("post", "/v1/payment_methods/{payment_method}/attach")
def attach(call: Call) -> Obj:
    params = call.takes("customer")
    if "customer" not in params:
        raise ApiError("Missing required param: customer.", "parameter_missing", "customer")
    customer = call.account.living("customer", params["customer"], "customer")
    return methods.attach(call.account, methods.found(call.account, call.ids[0]), customer)


@handles("post", "/v1/payment_methods/{payment_method}/detach")
def detach(call: Call) -> Obj:
    made = call.account.living("payment_method", call.ids[0])
    if not made["customer"]:
        raise ApiError("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = call.account.get("customer", made["customer"])
    if not customer.get("deleted") and customer["invoice_settings"]["default_payment_method"] == made["id"]:
        customer["invoice_settings"] = people.invoice_settings(None)
        events.changed(call.account, "customer.updated", customer)
    made["customer"] = None
    return events.changed(call.account, "payment_method.detached", made)


def _from_token(call: Call, card: Obj, details: Obj) -> Obj | None:
    token = card.get("token")
    if token is None:
        return None
    known = cards.by_token(token)
    if known is None:
        raise ApiError(f"No such token: '{token}'", "resource_missing", "card[token]")
    return methods.from_card(call.account, known, 12, 2034, details)


def _from_number(call: Call, card: Obj, details: Obj) -> Obj:
    number = card["number"].replace(" ", "")
    if wrong := cards.problem(number, card.get("exp_month"), card.get("exp_year"), card.get("cvc")):
        field, decline = wrong
        error = decline.error()
        error.param = field
        raise error
    return methods.from_card(call.account, cards.by_number(number), card["exp_month"], card["exp_year"], details)
