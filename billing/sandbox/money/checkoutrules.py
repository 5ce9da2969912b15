"""What Stripe refuses of a Checkout session's parameters, and what the stand-in does not do."""

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, NotStoodIn, need_web_address
from billing.sandbox.money import taxing
from billing.sandbox.values import Obj

_OF_SUBSCRIPTION = {
    "default_tax_rates", "description", "metadata", "trial_end", "trial_period_days", "trial_settings",
}  # fmt: skip
_OF_LINE = {"price", "price_data", "quantity", "tax_rates"}
_SOONEST, _LATEST = 30 * 60, 86_400
_ONLY_TO_BUY = (
    "allow_promotion_codes", "automatic_tax", "discounts", "line_items", "payment_method_collection",
    "subscription_data", "tax_id_collection",
)  # fmt: skip


def check(account: Account, params: Obj) -> None:
    """Raises ApiError."""
    _modes(params)
    needed = ("success_url", "line_items") if params["mode"] == "subscription" else ("success_url",)
    for name in needed:
        if not params.get(name):
            raise ApiError(f"Missing required param: {name}.", "parameter_missing", name)
    for name in ("success_url", "cancel_url"):
        need_web_address(params.get(name), name)
    for name in params.get("subscription_data") or {}:
        if name not in _OF_SUBSCRIPTION:
            raise _not_done(f"subscription_data[{name}]")
    for name in params.get("custom_text") or {}:
        if name != "submit":
            raise _not_done(f"custom_text[{name}]")
    _expiry(params, account.now())
    _one_of(params, "customer", "customer_email")
    _one_of(params, "allow_promotion_codes", "discounts")
    if len(params.get("discounts") or []) > 1:
        raise ApiError("You can apply up to one discount to a Checkout Session.", param="discounts")
    _of_customer(account, params)


def check_line(entry: Obj, path: str) -> None:
    for name in entry:
        if name not in _OF_LINE:
            raise _not_done(f"{path}[{name}]")


def _modes(params: Obj) -> None:
    if "mode" not in params:
        raise ApiError("Missing required param: mode.", "parameter_missing", "mode")
    if params["mode"] not in {"subscription", "setup"}:
        raise NotStoodIn("The stand-in for Stripe does Checkout in subscription and setup mode only.", None, "mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise NotStoodIn("The stand-in for Stripe does hosted Checkout pages only.", None, "ui_mode")
    if params["mode"] == "subscription":
        if "setup_intent_data" in params:
            raise ApiError("You can not pass `setup_intent_data` in `subscription` mode.", param="setup_intent_data")
        return
    for name in _ONLY_TO_BUY:
        if name in params:
            raise ApiError(f"You can not pass `{name}` in `setup` mode.", param=name)


def _of_customer(account: Account, params: Obj) -> None:
    saves = params.get("customer_update") or {}
    if "customer" not in params:
        if saves:
            raise ApiError("`customer_update` can only be used with `customer`.", param="customer_update")
        return
    customer = account.living("customer", params["customer"], "customer")
    taxed = (params.get("automatic_tax") or {}).get("enabled")
    if taxed and taxing.located(customer) is None and saves.get("address") != "auto":
        raise ApiError(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to "
            "the Customer or set either `customer_update[address]` to 'auto' or `customer_update[shipping]` to 'auto' "
            "to save the address entered in Checkout to the Customer.",
            "customer_tax_location_invalid",
        )
    if (params.get("tax_id_collection") or {}).get("enabled") and saves.get("name") != "auto":
        raise ApiError(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an "
            "existing customer, please set `customer_update[name]` to `auto`.",
            param="customer_update[name]",
        )


def _one_of(params: Obj, first: str, second: str) -> None:
    if first in params and second in params:
        raise ApiError(
            f"You may only specify one of these parameters: {first}, {second}.", "parameters_exclusive", first
        )


def _expiry(params: Obj, now: int) -> None:
    if "expires_at" in params and not now + _SOONEST - 60 <= params["expires_at"] <= now + _LATEST + 60:
        raise ApiError(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )


def _not_done(name: str) -> NotStoodIn:
    return NotStoodIn(f"The stand-in for Stripe does not do {name}.", None, name)
