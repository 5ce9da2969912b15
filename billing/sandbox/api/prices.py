"""/v1/prices"""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import pricing
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.expand import includes
from billing.sandbox.protocol.search import searched
from billing.sandbox.shapes import catalog, prices
from billing.sandbox.values import Obj, merged, taken

_FIELDS = "active lookup_key metadata nickname transfer_lookup_key tax_behavior"


@handles("post", "/v1/prices")
def create(call: Call) -> Obj:
    params = call.takes(
        "currency currency_options product product_data unit_amount unit_amount_decimal recurring billing_scheme "
        f"tiers tiers_mode transform_quantity {_FIELDS}"
    )
    _whose(params)
    pricing.check(call.account, params)
    _free_key(call, params)
    if "product_data" in params:
        product = catalog.product(params["product_data"], call.account.now())
        events.added(call.account, "product.created", product)
    else:
        product = call.account.living("product", params["product"], "product")
    return pricing.made(call.account, params, product["id"])


@handles("get", "/v1/prices/{price}")
def retrieve(call: Call) -> Obj:
    return call.account.get("price", call.ids[0])


@handles("post", "/v1/prices/{price}")
def update(call: Call) -> Obj:
    params = call.takes(f"currency_options {_FIELDS}")
    made = call.account.get("price", call.ids[0])
    if params.get("lookup_key") != made["lookup_key"]:
        _free_key(call, params)
    made |= taken(params, "active lookup_key nickname tax_behavior")
    _set_options(call.account, made, params.get("currency_options") or {})
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return events.changed(call.account, "price.updated", made)


@handles("get", "/v1/prices")
def index(call: Call) -> Obj:
    params = call.takes("active created currency ending_before limit lookup_keys product recurring starting_after type")
    found = call.account.all(
        "price", **{name: params[name] for name in ("active", "currency", "product", "type") if name in params}
    )
    if "lookup_keys" in params:
        found = [price for price in found if price["lookup_key"] in params["lookup_keys"]]
    for name, value in (params.get("recurring") or {}).items():
        found = [price for price in found if (price["recurring"] or {}).get(name) == value]
    return lists.paged(call, found)


@handles("get", "/v1/prices/search")
def search(call: Call) -> Obj:
    return searched(call, "price")


@includes("price", "tiers")
def its_tiers(account: Account, price: Obj) -> Any:
    return account.private(price["id"]).get("tiers")


@includes("price", "currency_options")
def its_currencies(account: Account, price: Obj) -> Any:
    return account.private(price["id"]).get("currency_options", {})


def _whose(params: Obj) -> None:
    if ("product" in params) == ("product_data" in params):
        raise ApiError("You must specify either `product` or `product_data`.", "parameter_missing", "product")


def _set_options(account: Account, price: Obj, given: Obj | str) -> None:
    """Other currencies are added, changed, and with an empty string taken away."""
    options = account.private(price["id"]).get("currency_options", {})
    for name, new in (given or {}).items() if isinstance(given, dict) else []:
        if name == price["currency"]:
            raise ApiError("The price's own currency can't be changed.", param=f"currency_options[{name}]")
        if new == "":
            options.pop(name, None)
        else:
            pricing.check_option(price, new, f"currency_options[{name}]")
            options[name] = prices.option(new)
    account.keep(price["id"], currency_options=options)


def _free_key(call: Call, params: Obj) -> None:
    """A lookup key names one price; it moves to another only when that is asked for."""
    key = params.get("lookup_key")
    holder = call.account.all("price", lookup_key=key) if key else []
    if not holder or not key:
        return
    if not params.get("transfer_lookup_key"):
        raise ApiError(
            f"A price (`{holder[0]['id']}`) already uses that lookup key. "
            "To transfer it, set `transfer_lookup_key` to true.",
            "resource_already_exists",
            "lookup_key",
        )
    events.changed(call.account, "price.updated", holder[0] | {"lookup_key": None})
