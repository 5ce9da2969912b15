"""Which discounts an invoice's lines have, and how much each takes off.

One after the other, in their order: an item's own before the subscription's, each from what the one before it left.
A subscription's discounts take the place of its customer's. An amount is shared out by what the lines cost, and a
share of the price is rounded on their sum, so that the lines add up to it (https://docs.stripe.com/billing/subscriptions/coupons).
Prorations are left alone here: they have their discounts in their amount already (netting).
"""

from billing.sandbox.account import Account
from billing.sandbox.money.redeeming import amount_off
from billing.sandbox.money.rounding import half_up, percent, shares
from billing.sandbox.values import Obj


def of_whole(account: Account, customer: Obj, subscription: Obj | None, now: int) -> list[str]:
    """The ids of the discounts on a whole invoice."""
    own = subscription["discounts"] if subscription else []
    inherited = [customer["discount"]["id"]] if customer.get("discount") else []
    return [wanted for wanted in own or inherited if lasts(account, wanted, now)]


def lasts(account: Account, wanted: str, now: int) -> bool:
    end = account.get("discount", wanted)["end"]
    return end is None or end > now


def discounted(account: Account, lines: list[Obj], whole: list[str], items: dict[str, Obj], now: int) -> list[Obj]:
    """The lines with discount_amounts; `items` are the subscription's by their id."""
    left = [max(line["amount"], 0) if line["discountable"] else 0 for line in lines]
    made = [line | {"discount_amounts": [], "discounts": []} for line in lines]
    for at, line in enumerate(made):
        for wanted in _own(account, line, items, now):
            line["discounts"].append(wanted)
            _take_off(account, wanted, made, left, [at])
    for wanted in whole:
        _take_off(account, wanted, made, left, list(range(len(made))))
    return made


def item_of(line: Obj) -> str | None:
    """The subscription item that a line is for."""
    details = line["parent"]["subscription_item_details"] if line["parent"] else None
    return details["subscription_item"] if details else None


def _own(account: Account, line: Obj, items: dict[str, Obj], now: int) -> list[str]:
    item = items.get(item_of(line) or "")
    if item is None or not line["discountable"]:
        return []
    return [wanted for wanted in item["discounts"] if lasts(account, wanted, now)]


def _take_off(account: Account, wanted: str, lines: list[Obj], left: list[int], among: list[int]) -> None:
    terms = account.private(wanted)["terms"]
    products = (terms.get("applies_to") or {}).get("products")
    found = [at for at in among if left[at] and (not products or _product(lines[at]) in products)]
    most = sum(left[at] for at in found)
    if terms["percent_off"] is not None:
        total = half_up(percent(most, terms["percent_off"]))
    else:
        total = min(amount_off(terms, lines[0]["currency"]) or 0, most) if lines else 0
    for at, amount in zip(found, shares(total, [left[at] for at in found]), strict=True):
        left[at] -= amount
        lines[at]["discount_amounts"].append({"amount": amount, "discount": wanted})


def _product(line: Obj) -> str | None:
    details = (line["pricing"] or {}).get("price_details")
    return details["product"] if details else None
