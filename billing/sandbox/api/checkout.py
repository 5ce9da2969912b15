"""/v1/checkout/sessions, in subscription mode"""

from billing.sandbox import ticker
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, NotStoodIn, need_web_address
from billing.sandbox.money import subscribing
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.expand import includes
from billing.sandbox.shapes import checkout
from billing.sandbox.values import Obj, list_of, merged, new_id

_TAKEN = (
    "allow_promotion_codes automatic_tax billing_address_collection cancel_url client_reference_id customer "
    "customer_email customer_update expires_at line_items locale metadata mode payment_method_collection "
    "payment_method_types success_url subscription_data ui_mode currency"
)
_OF_SUBSCRIPTION = {"description", "metadata", "trial_end", "trial_period_days", "trial_settings"}
_SOONEST, _LATEST = 30 * 60, 86_400


@handles("post", "/v1/checkout/sessions")
def create(call: Call) -> Obj:
    params = call.takes(_TAKEN)
    _stood_in(params)
    account, now = call.account, call.account.now(params.get("customer"))
    if "customer" in params:
        account.living("customer", params["customer"], "customer")
        if "customer_email" in params:
            raise ApiError(
                "You may only specify one of these parameters: customer, customer_email.",
                "parameters_exclusive",
                "customer",
            )
    _expiry(params, account.now())
    lines = [_line(account, entry, number) for number, entry in enumerate(params["line_items"])]
    data = params.get("subscription_data") or {}
    trial = bool(data.get("trial_end") or data.get("trial_period_days"))
    made = checkout.session(params, lines, 0 if trial else sum(line["amount_total"] for line in lines), now)
    made["metadata"] = merged({}, params.get("metadata"))
    made["url"] = f"{account.config.public_url}/checkout/{made['id']}"
    items = [{"price": line["price"]["id"], "quantity": line["quantity"]} for line in lines]
    account.add(made, lines=lines, subscription=data | {"items": items}, form=new_id("form"))
    account.wake(made["id"], made["expires_at"])
    return made


@handles("get", "/v1/checkout/sessions/{session}")
def retrieve(call: Call) -> Obj:
    return call.account.get("checkout.session", call.ids[0])


@handles("post", "/v1/checkout/sessions/{session}")
def update(call: Call) -> Obj:
    params = call.takes("metadata")
    made = call.account.get("checkout.session", call.ids[0])
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return call.account.save(made)


@handles("get", "/v1/checkout/sessions")
def index(call: Call) -> Obj:
    call.takes("created customer ending_before limit payment_intent starting_after status subscription")
    return lists.page(call, "checkout.session", "customer", "payment_intent", "status", "subscription")


@handles("get", "/v1/checkout/sessions/{session}/line_items")
def line_items(call: Call) -> Obj:
    call.takes("limit starting_after ending_before")
    session = call.account.get("checkout.session", call.ids[0])
    return lists.paged(call, call.account.private(session["id"])["lines"])


@handles("post", "/v1/checkout/sessions/{session}/expire")
def expire(call: Call) -> Obj:
    made = call.account.get("checkout.session", call.ids[0])
    if made["status"] != "open":
        raise ApiError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {made["status"]}.'
        )
    return ticker.expire(call.account, made)


@includes("checkout.session", "line_items")
def its_lines(account: Account, session: Obj) -> Obj:
    return list_of(account.private(session["id"])["lines"], f"/v1/checkout/sessions/{session['id']}/line_items")


def _stood_in(params: Obj) -> None:
    if params.get("mode") != "subscription":
        if "mode" not in params:
            raise ApiError("Missing required param: mode.", "parameter_missing", "mode")
        raise NotStoodIn("The stand-in for Stripe does Checkout in subscription mode only.", None, "mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise NotStoodIn("The stand-in for Stripe does hosted Checkout pages only.", None, "ui_mode")
    if (params.get("automatic_tax") or {}).get("enabled"):
        raise NotStoodIn("The stand-in for Stripe computes no tax.", None, "automatic_tax")
    _complete(params)


def _complete(params: Obj) -> None:
    for name in ("success_url", "line_items"):
        if not params.get(name):
            raise ApiError(f"Missing required param: {name}.", "parameter_missing", name)
    for name in ("success_url", "cancel_url"):
        need_web_address(params.get(name), name)
    for name in params.get("subscription_data") or {}:
        if name not in _OF_SUBSCRIPTION:
            raise NotStoodIn(
                f"The stand-in for Stripe does not do subscription_data[{name}].", None, f"subscription_data[{name}]"
            )


def _expiry(params: Obj, now: int) -> None:
    if "expires_at" in params and not now + _SOONEST - 60 <= params["expires_at"] <= now + _LATEST + 60:
        raise ApiError(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )


def _line(account: Account, entry: Obj, number: int) -> Obj:
    path = f"line_items[{number}]"
    for name in entry:
        if name not in {"price", "quantity"}:
            raise NotStoodIn(f"The stand-in for Stripe does not do {path}[{name}].", None, f"{path}[{name}]")
    price = subscribing.price_of(account, entry, path)
    quantity = entry.get("quantity", 1)
    if quantity < 1:
        raise ApiError("Quantity must be greater than or equal to 1.", "parameter_invalid_integer", f"{path}[quantity]")
    return checkout.line(price, quantity, account.get("product", price["product"])["name"])
