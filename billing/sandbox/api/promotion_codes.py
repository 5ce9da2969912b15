"""/v1/promotion_codes"""

import re

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import redeeming
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.shapes import discounts
from billing.sandbox.values import Obj, merged

_CODE = re.compile(r"[A-Za-z0-9-]{1,500}")


@handles("post", "/v1/promotion_codes")
def create(call: Call) -> Obj:
    params = call.takes("active code customer expires_at max_redemptions metadata promotion restrictions")
    _acceptable(call.account, params)
    made = discounts.promotion_code(params, call.account.now())
    return events.added(call.account, "promotion_code.created", made)


@handles("get", "/v1/promotion_codes/{promotion_code}")
def retrieve(call: Call) -> Obj:
    return _shown(call.account, call.account.get("promotion_code", call.ids[0]))


@handles("post", "/v1/promotion_codes/{promotion_code}")
def update(call: Call) -> Obj:
    params = call.takes("active metadata")
    made = call.account.get("promotion_code", call.ids[0])
    if params.get("active") and not redeeming.active(call.account, made | {"active": True}, call.account.now()):
        raise ApiError("This promotion code cannot be activated: it or its coupon is no longer valid.", param="active")
    made["active"] = params.get("active", made["active"])
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return events.changed(call.account, "promotion_code.updated", made)


@handles("get", "/v1/promotion_codes")
def index(call: Call) -> Obj:
    params = call.takes("active code coupon created customer ending_before limit starting_after")
    found = [_shown(call.account, each) for each in call.account.all("promotion_code")]
    for name in ("active", "customer"):
        found = [each for each in found if name not in params or each[name] == params[name]]
    if "code" in params:
        found = [each for each in found if each["code"].casefold() == params["code"].casefold()]
    if "coupon" in params:
        found = [each for each in found if each["promotion"]["coupon"] == params["coupon"]]
    return lists.paged(call, found)


def _shown(account: Account, code: Obj) -> Obj:
    return code | {"active": redeeming.active(account, code, account.now())}


def _acceptable(account: Account, params: Obj) -> None:
    coupon = params["promotion"].get("coupon")
    if not coupon:
        raise ApiError("Missing required param: promotion[coupon].", "parameter_missing", "promotion[coupon]")
    found = account.living("coupon", coupon, "promotion[coupon]")
    if "customer" in params:
        account.living("customer", params["customer"], "customer")
    if params.get("expires_at") is not None and params["expires_at"] <= account.now(params.get("customer")):
        raise ApiError("The expires_at must be in the future.", param="expires_at")
    if found["redeem_by"] and params.get("expires_at", 0) > found["redeem_by"]:
        raise ApiError("A promotion code can't expire after its coupon's redeem_by.", param="expires_at")
    rules = params.get("restrictions") or {}
    if ("minimum_amount" in rules) != ("minimum_amount_currency" in rules):
        raise ApiError("A minimum_amount needs its minimum_amount_currency.", "parameter_missing", "restrictions")
    _free(account, params.get("code"))


def _free(account: Account, code: str | None) -> None:
    """Of the active codes each is there once, whatever the case of its letters."""
    if code is None:
        return
    if not _CODE.fullmatch(code):
        raise ApiError("A code consists of letters, digits and dashes.", param="code")
    for other in account.all("promotion_code"):
        if other["code"].casefold() == code.casefold() and _shown(account, other)["active"]:
            raise ApiError(f"An active promotion code with `code: {code}` already exists.", param="code")
