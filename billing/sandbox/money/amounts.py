"""What a price asks for a quantity: the one place where that is computed.

Exact until the line: "Rounding occurs on the line item level of your invoices", and 1.5 cents are 2
(https://docs.stripe.com/billing/subscriptions/decimal-amounts). So half a minor unit is rounded up, away from zero,
where Python's round() would go to the even neighbour.
"""

from dataclasses import dataclass
from fractions import Fraction

from billing.sandbox.account import Account
from billing.sandbox.money.rounding import half_up
from billing.sandbox.values import Obj


@dataclass(frozen=True)
class Part:
    """What becomes one line of an invoice: the whole, or what falls into one tier."""

    exact: Fraction  # in the currency's minor unit
    quantity: int
    unit: str | None  # what one costs, as a decimal; of a flat amount, that
    tier: str = ""  # "Tier 2", "Tier 1 flat fee"

    @property
    def amount(self) -> int:
        return half_up(self.exact)


def parts(account: Account, price: Obj, currency: str, quantity: int) -> list[Part]:
    """The parts of `quantity` at this price, in a currency that it knows."""
    terms = terms_of(account, price, currency)
    if price["billing_scheme"] == "tiered":
        tiers = terms["tiers"]
        return _graduated(tiers, quantity) if price["tiers_mode"] == "graduated" else _volume(tiers, quantity)
    unit = terms["unit_amount_decimal"] or "0"
    count = _transformed(quantity, price["transform_quantity"])
    return [Part(Fraction(unit) * count, count, unit)]


def exact(account: Account, price: Obj, currency: str, quantity: int) -> Fraction:
    """All of it, not rounded, for a share of it to be taken."""
    return sum((part.exact for part in parts(account, price, currency, quantity)), Fraction())


def terms_of(account: Account, price: Obj, currency: str) -> Obj:
    """Amounts and tiers of a price in a currency: unit_amount, unit_amount_decimal, tiers, tax_behavior."""
    private = account.private(price["id"])
    if currency == price["currency"]:
        return {**price, "tiers": private.get("tiers")}
    found: Obj = private["currency_options"][currency]
    return found


def knows(account: Account, price: Obj, currency: str) -> bool:
    """Whether the price has an amount in this currency."""
    return bool(
        currency == price["currency"] or currency in (account.private(price["id"]).get("currency_options") or {})
    )


def _transformed(quantity: int, how: Obj | None) -> int:
    """Packages instead of units, the last one begun counted or not."""
    if how is None:
        return quantity
    size: int = how["divide_by"]
    return -(-quantity // size) if how["round"] == "up" else quantity // size


def _graduated(tiers: list[Obj], quantity: int) -> list[Part]:
    """Each unit costs what its own tier says; the first tier counts even for nothing, with its flat amount."""
    found, below = [], 0
    for number, tier in enumerate(tiers, 1):
        if number > 1 and quantity <= below:
            break
        up_to = quantity if tier["up_to"] is None else min(tier["up_to"], quantity)
        found += _of_tier(tier, up_to - below, number)
        below = up_to
    return found


def _volume(tiers: list[Obj], quantity: int) -> list[Part]:
    """All units cost what the tier says that the whole quantity falls into."""
    for number, tier in enumerate(tiers, 1):
        if tier["up_to"] is None or quantity <= tier["up_to"]:
            return _of_tier(tier, quantity, number)
    raise ValueError("the last tier has no end")


def _of_tier(tier: Obj, quantity: int, number: int) -> list[Part]:
    unit, flat = tier["unit_amount_decimal"], tier["flat_amount_decimal"]
    found = [Part(Fraction(unit or 0) * quantity, quantity, unit or "0", f"Tier {number}")]
    if flat is not None and Fraction(flat):
        found.append(Part(Fraction(flat), 1, flat, f"Tier {number} flat fee"))
    return found
