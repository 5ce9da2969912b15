"""/v1/checkout/sessions: a subscription on a hosted page, or a card for later"""

from billing.sandbox import events, ticker
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import checkoutrules, items, sessions
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.expand import includes
from billing.sandbox.shapes import checkout, payments
from billing.sandbox.values import Obj, list_of, merged, new_id

_TAKEN = (
    "allow_promotion_codes automatic_tax billing_address_collection cancel_url client_reference_id currency "
    "custom_text customer customer_email customer_update discounts expires_at line_items locale metadata mode "
    "payment_method_collection payment_method_types setup_intent_data success_url subscription_data "
    "tax_id_collection ui_mode"
)


@handles("post", "/v1/checkout/sessions")
def create(call: Call) -> Obj:
    params = call.takes(_TAKEN)
    account, now = call.account, call.account.now(params.get("customer"))
    checkoutrules.check(account, params)
    if params["mode"] == "setup":
        return _added(account, params, checkout.session(params, [], None, now), [], {})
    lines = [_line(account, entry, number) for number, entry in enumerate(params["line_items"])]
    made = checkout.session(params, lines, 0, now)
    return sessions.priced(account, _added(account, params, made, lines, _asked(params)))


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


def _added(account: Account, params: Obj, made: Obj, lines: list[Obj], asked: Obj) -> Obj:
    made["metadata"] = merged({}, params.get("metadata"))
    made["url"] = f"{account.config.public_url}/checkout/{made['id']}"
    if not lines:
        made["setup_intent"] = _setup(account, params)
    saves = params.get("customer_update") or {}
    account.add(made, lines=lines, subscription=asked, form=new_id("form"), saves=saves)
    account.wake(made["id"], made["expires_at"])
    return made


def _asked(params: Obj) -> Obj:
    """What the subscription is to be made of."""
    shared = {name: params[name] for name in ("automatic_tax", "currency") if name in params}
    entries = [
        {name: entry[name] for name in ("price", "price_data", "quantity", "tax_rates") if name in entry}
        for entry in params["line_items"]
    ]
    return (params.get("subscription_data") or {}) | shared | {"items": entries}


def _setup(account: Account, params: Obj) -> str:
    intent = payments.setup_intent(params.get("customer"), None, account.now(params.get("customer")))
    data = params.get("setup_intent_data") or {}
    intent |= {"metadata": merged({}, data.get("metadata")), "description": data.get("description")}
    events.added(account, "setup_intent.created", intent)
    return str(intent["id"])


def _line(account: Account, entry: Obj, number: int) -> Obj:
    path = f"line_items[{number}]"
    checkoutrules.check_line(entry, path)
    price = items.price_of(account, entry, path)
    quantity = items.quantity_of(price, entry, path)
    if quantity is not None and quantity < 1:
        raise ApiError("Quantity must be greater than or equal to 1.", "parameter_invalid_integer", f"{path}[quantity]")
    return checkout.line(price, quantity, account.get("product", price["product"])["name"])
