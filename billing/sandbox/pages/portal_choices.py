"""What the portal's configuration lets a customer choose for a subscription of one item."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.money import amounts
from billing.sandbox.pages.portal_service import features
from billing.sandbox.values import Obj


@dataclass(frozen=True)
class Choice:
    price: Obj
    quantity: int | None


def prices(account: Account, session: Obj, subscription: Obj) -> list[Obj]:
    """Those that the configuration offers, or all active ones that know the currency; each with its product's name."""
    feature, currency = features(account, session)["subscription_update"], subscription["currency"]
    current = subscription["items"]["data"][0]["price"]
    offered = [price for product in feature["products"] or [] for price in product["prices"]]
    found = [account.get("price", wanted) for wanted in offered] or account.all("price", active=True)
    if "price" not in feature["default_allowed_updates"]:
        found = [current]
    fitting = [
        price for price in found if price["active"] and price["recurring"] and amounts.knows(account, price, currency)
    ]
    named = [
        price
        | {
            "name": account.get("product", price["product"])["name"],
            "each": amounts.terms_of(account, price, currency)["unit_amount"] or 0,
        }
        for price in fitting
    ]
    return sorted(named, key=lambda price: (price["recurring"]["interval"], price["each"]))


def quantities(account: Account, session: Obj, subscription: Obj) -> tuple[int, int] | None:
    """The least and the most that may be chosen, or None where that is not allowed."""
    feature = features(account, session)["subscription_update"]
    item = subscription["items"]["data"][0]
    if "quantity" not in feature["default_allowed_updates"] or "quantity" not in item:
        return None
    for product in feature["products"] or []:
        rule = product["adjustable_quantity"]
        if product["product"] == item["price"]["product"] and rule["enabled"]:
            return rule["minimum"], rule["maximum"] or 999_999
    return 1, 999_999


def chosen(account: Account, session: Obj, subscription: Obj, given: Mapping[str, str]) -> Choice | None:
    """None for what was not on offer."""
    item = subscription["items"]["data"][0]
    wanted = given.get("price", item["price"]["id"])
    price = next((each for each in prices(account, session, subscription) if each["id"] == wanted), None)
    if price is None or len(subscription["items"]["data"]) > 1:
        return None
    quantity, bounds = item.get("quantity"), quantities(account, session, subscription)
    text = given.get("quantity", "")
    if bounds is None or not text:
        return Choice(price, quantity)
    if not text.isdecimal() or not bounds[0] <= int(text) <= bounds[1]:
        return None
    return Choice(price, int(text))


def change_to(account: Account, session: Obj, subscription: Obj, choice: Choice) -> dict[str, Any]:
    """The update that makes the choice true."""
    item = subscription["items"]["data"][0]
    quantity = {} if choice.quantity is None else {"quantity": choice.quantity}
    return {
        "items": [{"id": item["id"], "price": choice.price["id"], **quantity}],
        "proration_behavior": features(account, session)["subscription_update"]["proration_behavior"],
        "payment_behavior": "error_if_incomplete",
    }
