"""/v1/prices"""

from billing.sandbox import events
from billing.sandbox.errors import ApiError
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.search import searched
from billing.sandbox.shapes import catalog
from billing.sandbox.values import Obj, merged, taken

_MOST_INTERVALS = {"day": 1095, "week": 156, "month": 36, "year": 3}  # three years
_FIELDS = "active lookup_key metadata nickname transfer_lookup_key tax_behavior"


@handles("post", "/v1/prices")
def create(call: Call) -> Obj:
    params = call.takes(
        f"currency product product_data unit_amount unit_amount_decimal recurring billing_scheme {_FIELDS}"
    )
    _acceptable(params)
    _free_key(call, params)
    if "product_data" in params:
        product = catalog.product(params["product_data"], call.account.now())
        events.added(call.account, "product.created", product)
    else:
        product = call.account.living("product", params["product"], "product")
    return events.added(call.account, "price.created", catalog.price(params, product["id"], call.account.now()))


@handles("get", "/v1/prices/{price}")
def retrieve(call: Call) -> Obj:
    return call.account.get("price", call.ids[0])


@handles("post", "/v1/prices/{price}")
def update(call: Call) -> Obj:
    params = call.takes(_FIELDS)
    made = call.account.get("price", call.ids[0])
    if params.get("lookup_key") != made["lookup_key"]:
        _free_key(call, params)
    made |= taken(params, "active lookup_key nickname tax_behavior")
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


def _acceptable(params: Obj) -> None:
    if ("product" in params) == ("product_data" in params):
        raise ApiError("You must specify either `product` or `product_data`.", "parameter_missing", "product")
    if (
        params.get("billing_scheme", "per_unit") != "per_unit"
        or (params.get("recurring") or {}).get("usage_type") == "metered"
    ):
        raise ApiError("The stand-in for Stripe prices per unit, licensed, only.", param="billing_scheme")
    _sensible_interval(params.get("recurring"))
    if "unit_amount" not in params and "unit_amount_decimal" in params:
        if not params["unit_amount_decimal"].isdigit():
            raise ApiError("The stand-in for Stripe takes whole minor units only.", param="unit_amount_decimal")
        params["unit_amount"] = int(params["unit_amount_decimal"])
    if "unit_amount" not in params:
        raise ApiError(
            "Prices require a `unit_amount` or `unit_amount_decimal` parameter to be set.",
            "parameter_missing",
            "unit_amount",
        )
    if params["unit_amount"] < 0:
        raise ApiError("Invalid non-negative integer", "parameter_invalid_integer", "unit_amount")
    if len(params["currency"]) != 3 or not params["currency"].isalpha():
        raise ApiError(f"Invalid currency: {params['currency']}.", param="currency")


def _sensible_interval(recurring: Obj | None) -> None:
    if recurring is None:
        return
    most = _MOST_INTERVALS[recurring["interval"]]
    if not 1 <= recurring.get("interval_count", 1) <= most:
        raise ApiError(
            f"Invalid interval_count: it must be between 1 and {most} for the interval {recurring['interval']}.",
            "parameter_invalid_integer",
            "recurring[interval_count]",
        )


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
