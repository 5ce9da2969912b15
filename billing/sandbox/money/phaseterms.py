"""What a schedule's phase says of discounts and taxes.

A phase has the discounts that it names and no others: "If not specified, inherits the discount from the subscription's
customer" (https://docs.stripe.com/api/subscription_schedules/update), as a subscription without discounts does. One
that can't be had any more when its phase begins is left out.
"""

from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, NotStoodIn, no_such
from billing.sandbox.money import amounts, conditions, redeeming
from billing.sandbox.money.discounting import lasts
from billing.sandbox.money.redeeming import Purchase
from billing.sandbox.money.rounding import half_up
from billing.sandbox.values import Obj, nulls

NAMES = ("automatic_tax", "default_tax_rates", "discounts")


def read(account: Account, customer: Obj, phase: Obj, given: dict[str, Any], path: str, held: list[str]) -> Obj:
    """Those fields of a phase. `held` are the discounts that there are, of which it may name one. Raises ApiError."""
    wanted = given.get("discounts")
    if wanted == "" and customer.get("discount"):
        told = "The stand-in for Stripe does not keep a customer's discount off a phase."
        raise NotStoodIn(told, None, f"{path}[discounts]")
    purchase = _purchase(account, customer, phase)
    for number, each in enumerate(wanted or []):
        at = f"{path}[discounts][{number}]"
        if not each.get("discount"):
            redeeming.offered(account, each, at, purchase)
        elif each["discount"] not in held:
            raise no_such("discount", each["discount"], f"{at}[discount]")
    automatic = given.get("automatic_tax")
    return {
        "automatic_tax": conditions.automatic(customer, automatic) if automatic else None,
        "default_tax_rates": conditions.rates(account, given.get("default_tax_rates"), f"{path}[default_tax_rates]"),
        "discounts": [{**nulls("coupon discount promotion_code"), **each} for each in wanted or []],
    }


def of(subscription: Obj) -> Obj:
    """Those fields of the phase that a subscription is in."""
    named = [{**nulls("coupon promotion_code"), "discount": wanted} for wanted in subscription["discounts"]]
    return {name: subscription[name] for name in NAMES} | {"discounts": named}


def params(account: Account, subscription: Obj | None, schedule: Obj, phase: Obj) -> dict[str, Any]:
    """What the phase makes of a subscription, as a call would say it; None: of one that begins with it."""
    customer = account.get("customer", schedule["customer"])
    purchase = _purchase(account, customer, phase)
    held = subscription["discounts"] if subscription else []
    named = [_still(account, held, each, purchase) for each in phase["discounts"]]
    enabled = (phase["automatic_tax"] or schedule["default_settings"]["automatic_tax"])["enabled"]
    given: dict[str, Any] = {"discounts": [each for each in named if each]}
    if enabled != (subscription["automatic_tax"]["enabled"] if subscription else False):
        given["automatic_tax"] = {"enabled": enabled}
    rates = [rate["id"] for rate in phase["default_tax_rates"]]
    if rates != [rate["id"] for rate in (subscription["default_tax_rates"] if subscription else [])]:
        given["default_tax_rates"] = rates
    return given


def _still(account: Account, held: list[str], each: Obj, purchase: Purchase) -> dict[str, str] | None:
    for wanted in held:
        if _is(account.get("discount", wanted), each):
            return {"discount": wanted} if lasts(account, wanted, purchase.now) else None
    named = {name: value for name, value in each.items() if value}
    if "discount" in named:  # used up, or taken off
        return None
    try:
        redeeming.offered(account, named, "discounts", purchase)
    except ApiError:
        return None
    return named


def _is(discount: Obj, each: Obj) -> bool:
    """Whether a discount is the one that a phase names: itself, or what its coupon or code led to."""
    if each["discount"]:
        return bool(discount["id"] == each["discount"])
    if each["promotion_code"]:
        return bool(discount["promotion_code"] == each["promotion_code"])
    return bool(discount["source"]["coupon"] == each["coupon"])


def _purchase(account: Account, customer: Obj, phase: Obj) -> Purchase:
    """What a period of the phase costs."""
    prices = [(account.get("price", item["price"]), item["quantity"]) for item in phase["items"] if "quantity" in item]
    cost = sum(half_up(amounts.exact(account, price, phase["currency"], number)) for price, number in prices)
    return Purchase(customer, phase["currency"], cost, account.now(customer["id"]))
