"""/v1/setup_intents"""

from billing.sandbox import events
from billing.sandbox.errors import ApiError, need_web_address
from billing.sandbox.money import methods, settingup
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.shapes import payments
from billing.sandbox.values import Obj, merged, taken

_WAITING = {"requires_payment_method", "requires_confirmation", "requires_action"}


@handles("post", "/v1/setup_intents")
def create(call: Call) -> Obj:
    params = call.takes(
        "automatic_payment_methods confirm customer description metadata payment_method payment_method_types "
        "return_url usage"
    )
    account, customer = call.account, params.get("customer")
    if customer:
        account.living("customer", customer, "customer")
    need_web_address(params.get("return_url"), "return_url")
    method = methods.found(account, params["payment_method"]) if "payment_method" in params else None
    made = payments.setup_intent(customer, method["id"] if method else None, account.now(customer))
    made["metadata"] = merged({}, params.get("metadata"))
    made |= {"usage": params.get("usage", "off_session"), **taken(params, "description")}
    events.added(account, "setup_intent.created", made, return_url=params.get("return_url"))
    return _confirmed(call, made) if params.get("confirm") else made


@handles("post", "/v1/setup_intents/{intent}/confirm")
def confirm(call: Call) -> Obj:
    params = call.takes("payment_method return_url")
    made = _waiting(call, "confirm")
    need_web_address(params.get("return_url"), "return_url")
    if "return_url" in params:
        call.account.keep(made["id"], return_url=params["return_url"])
    if "payment_method" in params:
        made["payment_method"] = methods.found(call.account, params["payment_method"])["id"]
    return _confirmed(call, made)


@handles("post", "/v1/setup_intents/{intent}/cancel")
def cancel(call: Call) -> Obj:
    params = call.takes("cancellation_reason")
    return settingup.cancel(call.account, _waiting(call, "cancel"), params.get("cancellation_reason"))


@handles("post", "/v1/setup_intents/{intent}")
def update(call: Call) -> Obj:
    params = call.takes("customer description metadata payment_method")
    made = _waiting(call, "update")
    if "customer" in params:
        made["customer"] = call.account.living("customer", params["customer"], "customer")["id"]
    if "payment_method" in params:
        method = methods.found(call.account, params["payment_method"])
        made |= {"payment_method": method["id"], "status": "requires_confirmation"}
    made |= taken(params, "description")
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return call.account.save(made)


@handles("get", "/v1/setup_intents/{intent}")
def retrieve(call: Call) -> Obj:
    call.takes("client_secret")
    return call.account.get("setup_intent", call.ids[0])


@handles("get", "/v1/setup_intents")
def index(call: Call) -> Obj:
    call.takes("created customer payment_method ending_before limit starting_after")
    return lists.page(call, "setup_intent", "customer", "payment_method")


def _waiting(call: Call, verb: str) -> Obj:
    made = call.account.get("setup_intent", call.ids[0])
    if made["status"] not in _WAITING:
        raise ApiError(
            f"You cannot {verb} this SetupIntent because it has a status of {made['status']}.",
            "setup_intent_unexpected_state",
        )
    return made


def _confirmed(call: Call, made: Obj) -> Obj:
    if made["payment_method"] is None:
        raise ApiError(
            "You cannot confirm this SetupIntent because it's missing a payment method.", param="payment_method"
        )
    return settingup.confirm(call.account, made, call.account.get("payment_method", made["payment_method"]))
