"""A coupon or a promotion code becomes a discount, or is refused in a sentence that says why."""

from dataclasses import dataclass
from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, no_such
from billing.sandbox.money import periods
from billing.sandbox.shapes import discounts
from billing.sandbox.values import Obj


@dataclass(frozen=True)
class Purchase:
    """What a discount is wanted for."""

    customer: Obj | None  # None while Checkout does not know who buys
    currency: str
    amount: int  # before any discount, in the minor unit
    now: int


@dataclass(frozen=True)
class Offer:
    terms: Obj  # the coupon, with what it shows on request only
    code: Obj | None  # the promotion code that led to it


def offered(account: Account, given: dict[str, Any], path: str, purchase: Purchase) -> Offer:
    """`given` names a coupon or a promotion code by its id. Raises ApiError unless this purchase may have it."""
    code = None
    if wanted := given.get("promotion_code"):
        code = account.get("promotion_code", wanted, f"{path}[promotion_code]")
        check_code(account, code, purchase)
    named = code["promotion"]["coupon"] if code else given.get("coupon")
    if not named:
        raise ApiError(f"Missing required param: {path}[coupon].", "parameter_missing", f"{path}[coupon]")
    terms = terms_of(account, account.living("coupon", named, f"{path}[coupon]"))
    _check_coupon(terms, purchase, f"{path}[coupon]")
    return Offer(terms, code)


def by_code(account: Account, typed: str, purchase: Purchase) -> str:
    """The id of the active promotion code that somebody typed; letters of either case do. Raises ApiError."""
    for code in account.all("promotion_code"):
        if code["code"].casefold() == typed.strip().casefold() and code["active"]:
            offered(account, {"promotion_code": code["id"]}, "promotion_code", purchase)
            return str(code["id"])
    raise ApiError("This code is invalid.", "resource_missing", "promotion_code")


def redeem(account: Account, offer: Offer, purchase: Purchase, **holder: Any) -> Obj:
    """The discount, stored and told of; `holder` says what it is on: subscription, subscription_item."""
    for spent in (account.get("coupon", offer.terms["id"]), offer.code):
        if spent:
            spent["times_redeemed"] += 1
            if spent["object"] == "coupon":
                spent["valid"] = valid(spent, purchase.now)
            else:
                spent["active"] = active(account, spent, purchase.now)
            account.save(spent)
    terms = offer.terms
    months = terms["duration_in_months"] if terms["duration"] == "repeating" else None
    end = periods.after(purchase.now, "month", months, purchase.now) if months else None
    customer = purchase.customer["id"] if purchase.customer else None
    made = (
        discounts.discount(terms["id"], offer.code["id"] if offer.code else None, customer, purchase.now, end) | holder
    )
    return events.added(account, "customer.discount.created", made, terms=terms)


def terms_of(account: Account, coupon: Obj) -> Obj:
    return coupon | account.private(coupon["id"])


def valid(coupon: Obj, now: int) -> bool:
    most, until = coupon["max_redemptions"], coupon["redeem_by"]
    return not (most and coupon["times_redeemed"] >= most) and not (until and until <= now)


def active(account: Account, code: Obj, now: int) -> bool:
    """Only as long as its coupon is valid too."""
    coupon = account.get("coupon", code["promotion"]["coupon"])
    if coupon.get("deleted") or not valid(coupon, now) or not code["active"]:
        return False
    most, until = code["max_redemptions"], code["expires_at"]
    return not (most and code["times_redeemed"] >= most) and not (until and until <= now)


def amount_off(terms: Obj, currency: str) -> int | None:
    """What it takes off in a currency; None where it takes off a share, or nothing in this currency."""
    if terms["currency"] == currency:
        found: int = terms["amount_off"]
        return found
    option = (terms.get("currency_options") or {}).get(currency)
    return option["amount_off"] if option else None


def check_code(account: Account, code: Obj, purchase: Purchase) -> None:
    """Raises ApiError. An expired or spent code is told apart from one that somebody switched off."""
    if code["expires_at"] and code["expires_at"] <= purchase.now:
        raise _refused("This promotion code has expired.", "coupon_expired")
    if code["max_redemptions"] and code["times_redeemed"] >= code["max_redemptions"]:
        raise _refused("This promotion code has been used up and cannot be redeemed.")
    if not code["active"]:
        raise _refused("This promotion code is not active.")
    customer = purchase.customer
    if code["customer"] and (customer is None or customer["id"] != code["customer"]):
        raise _refused("This promotion code cannot be redeemed because it is for another customer.")
    rules = code["restrictions"]
    if rules["first_time_transaction"] and customer and _has_bought(account, customer):
        raise _refused("This promotion code cannot be redeemed because the associated customer has prior transactions.")
    least = _minimum(code, purchase.currency)
    if least is not None and purchase.amount < least:
        raise _refused("This promotion code cannot be redeemed because the minimum amount is not met.")


def _minimum(code: Obj, currency: str) -> int | None:
    rules = code["restrictions"]
    if rules["minimum_amount"] is None:
        return None
    if rules["minimum_amount_currency"] == currency:
        return int(rules["minimum_amount"])
    option = (rules.get("currency_options") or {}).get(currency)
    if option is None:
        raise _refused(f"This promotion code cannot be redeemed for purchases in {currency}.")
    return int(option["minimum_amount"])


def _has_bought(account: Account, customer: Obj) -> bool:
    paid = account.all("invoice", customer=customer["id"], status="paid")
    return bool(paid) or any(charge["paid"] for charge in account.all("charge", customer=customer["id"]))


def _check_coupon(terms: Obj, purchase: Purchase, path: str) -> None:
    if terms["redeem_by"] and terms["redeem_by"] <= purchase.now:
        raise ApiError(f"Coupon expired: {terms['id']}", "coupon_expired", path)
    if terms["max_redemptions"] and terms["times_redeemed"] >= terms["max_redemptions"]:
        raise ApiError(f"Coupon {terms['id']} is used up and cannot be applied.", param=path)
    if terms["percent_off"] is None and amount_off(terms, purchase.currency) is None:
        raise ApiError(f"Coupon {terms['id']} takes nothing off in {purchase.currency}.", param=path)


def _refused(message: str, code: str | None = None) -> ApiError:
    return ApiError(message, code, "promotion_code")


def existing(wanted: str, held: list[str], path: str) -> str:
    """A discount that is named again by an update. Raises ApiError for one of somebody else's."""
    if wanted not in held:
        raise no_such("discount", wanted, f"{path}[discount]")
    return wanted
