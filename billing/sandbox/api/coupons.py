"""/v1/coupons"""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import redeeming
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.expand import includes
from billing.sandbox.shapes import discounts
from billing.sandbox.values import Obj, merged, taken

_MOST_MONTHS = 60


@handles("post", "/v1/coupons")
def create(call: Call) -> Obj:
    params = call.takes(
        "amount_off applies_to currency currency_options duration duration_in_months id max_redemptions metadata name "
        "percent_off redeem_by"
    )
    _acceptable(params, call.account.now())
    if "id" in params and _taken(call.account, params["id"]):
        raise ApiError("Coupon already exists.", "resource_already_exists", "id")
    for product in (params.get("applies_to") or {}).get("products") or []:
        call.account.living("product", product, "applies_to[products]")
    made = discounts.coupon(params, call.account.now())
    hidden = taken(params, "applies_to currency_options")
    return events.added(call.account, "coupon.created", made, **hidden)


@handles("get", "/v1/coupons/{coupon}")
def retrieve(call: Call) -> Obj:
    return _shown(call.account, call.account.get("coupon", call.ids[0]))


@handles("post", "/v1/coupons/{coupon}")
def update(call: Call) -> Obj:
    """Only what a coupon is called; what it takes off is fixed, but for further currencies."""
    params = call.takes("currency_options metadata name")
    made = call.account.living("coupon", call.ids[0])
    made |= taken(params, "name")
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    if "currency_options" in params:
        options = call.account.private(made["id"]).get("currency_options") or {}
        call.account.keep(made["id"], currency_options=options | params["currency_options"])
    return events.changed(call.account, "coupon.updated", made)


@handles("get", "/v1/coupons")
def index(call: Call) -> Obj:
    call.takes("created ending_before limit starting_after")
    page = lists.page(call, "coupon")
    return page | {"data": [_shown(call.account, coupon) for coupon in page["data"]]}


@handles("delete", "/v1/coupons/{coupon}")
def delete(call: Call) -> Obj:
    """Discounts that came of it go on."""
    made = call.account.living("coupon", call.ids[0])
    events.emit(call.account, "coupon.deleted", made)
    return call.account.delete(made)


@includes("coupon", "applies_to")
def its_products(account: Account, coupon: Obj) -> Obj | None:
    return account.private(coupon["id"]).get("applies_to")


@includes("coupon", "currency_options")
def its_currencies(account: Account, coupon: Obj) -> Obj | None:
    return account.private(coupon["id"]).get("currency_options")


def _shown(account: Account, coupon: Obj) -> Obj:
    return coupon if coupon.get("deleted") else coupon | {"valid": redeeming.valid(coupon, account.now())}


def _taken(account: Account, wanted: str) -> bool:
    found = account.find(wanted)
    return found is not None and not found.get("deleted")


def _acceptable(params: Obj, now: int) -> None:
    share, amount = params.get("percent_off"), params.get("amount_off")
    if (share is None) == (amount is None):
        told = (
            "You must pass either percent_off or amount_off, and not both."
            if share
            else "Must provide percent_off or amount_off."
        )
        raise ApiError(told, "parameter_missing", "percent_off")
    if share is not None and not 0 < share <= 100:
        raise ApiError("Invalid percent_off: it must be greater than 0 and at most 100.", param="percent_off")
    if amount is not None and amount < 1:
        raise ApiError("Invalid positive integer", "parameter_invalid_integer", "amount_off")
    if amount is not None and not params.get("currency"):
        raise ApiError("You must pass currency when passing amount_off", "parameter_missing", "currency")
    _lasting(params, now)


def _lasting(params: Obj, now: int) -> None:
    months = params.get("duration_in_months")
    if (params.get("duration", "once") == "repeating") != (months is not None):
        raise ApiError("duration_in_months is for coupons with a duration of `repeating`.", param="duration_in_months")
    if months is not None and not 1 <= months <= _MOST_MONTHS:
        raise ApiError("Invalid positive integer", "parameter_invalid_integer", "duration_in_months")
    if params.get("max_redemptions") is not None and params["max_redemptions"] < 1:
        raise ApiError("Invalid positive integer", "parameter_invalid_integer", "max_redemptions")
    if params.get("redeem_by") is not None and params["redeem_by"] <= now:
        raise ApiError("The redeem_by must be in the future.", param="redeem_by")
