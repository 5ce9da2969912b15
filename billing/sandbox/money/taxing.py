"""The taxes on an invoice's lines: by tax rates that were set, or by the customer's country.

Each line's tax is taken from what its discounts leave of it and rounded half up to the minor unit, line by line.
"""

from fractions import Fraction

from billing.sandbox.account import Account
from billing.sandbox.money import taxtable
from billing.sandbox.money.discounting import item_of
from billing.sandbox.money.rounding import half_up, percent
from billing.sandbox.shapes import taxes
from billing.sandbox.values import Obj

_NOT_TAXED = {"exempt": "customer_exempt", "reverse": "reverse_charge"}


def taxed(account: Account, customer: Obj, subscription: Obj | None, lines: list[Obj]) -> list[Obj]:
    """The lines with their taxes."""
    if subscription is None:
        return lines
    items = {item["id"]: item for item in subscription["items"]["data"]}
    if subscription["automatic_tax"]["enabled"]:
        return [line | {"taxes": _automatic(account, customer, line)} for line in lines]
    return [line | {"taxes": _by_rates(customer, subscription, items.get(item_of(line) or ""), line)} for line in lines]


def located(customer: Obj) -> str | None:
    """The country whose tax is due, or None when nobody knows it."""
    shipping = (customer.get("shipping") or {}).get("address") or {}
    return (customer.get("address") or {}).get("country") or shipping.get("country")


def _by_rates(customer: Obj, subscription: Obj, item: Obj | None, line: Obj) -> list[Obj]:
    rates = (item or {}).get("tax_rates") or subscription["default_tax_rates"] or []
    net = _net(line)
    reason = _NOT_TAXED.get(customer["tax_exempt"])
    if reason:
        return [taxes.tax(0, rate, reason, net, inclusive=rate["inclusive"]) for rate in rates]
    included = sum((Fraction(str(rate["percentage"])) for rate in rates if rate["inclusive"]), Fraction(0))
    return [_tax(rate, net, included) for rate in rates]


def _tax(rate: Obj, net: int, included: Fraction) -> Obj:
    """`included` is the sum of all percentages that the price holds already."""
    base = Fraction(net) / (1 + included / 100)
    amount = half_up(base * Fraction(str(rate["percentage"])) / 100)
    reason = "standard_rated" if rate["percentage"] else "zero_rated"
    return taxes.tax(amount, rate, reason, half_up(base), inclusive=rate["inclusive"])


def _automatic(account: Account, customer: Obj, line: Obj) -> list[Obj]:
    country = located(customer)
    if country is None:
        return []
    details = (line["pricing"] or {}).get("price_details") or {}
    price = account.find(details.get("price") or "") or {}
    inclusive = price.get("tax_behavior") == "inclusive"
    rate = taxtable.rate_for(account, country, inclusive=inclusive)
    net = _net(line)
    if rate is None:
        return [taxes.tax(0, None, "not_collecting", 0, inclusive=inclusive)]
    reason = _NOT_TAXED.get(customer["tax_exempt"]) or _reverse(account, customer, country)
    if reason:
        return [taxes.tax(0, rate, reason, net, inclusive=inclusive)]
    if inclusive:
        return [_tax(rate, net, Fraction(str(rate["percentage"])))]
    return [taxes.tax(half_up(percent(net, rate["percentage"])), rate, "standard_rated", net, inclusive=False)]


def _reverse(account: Account, customer: Obj, country: str) -> str | None:
    """A business in the European Union that buys from abroad settles the tax itself."""
    if country in taxtable.EU and account.all("tax_id", customer=customer["id"], type="eu_vat"):
        return "reverse_charge"
    return None


def _net(line: Obj) -> int:
    return int(line["amount"]) - sum(int(each["amount"]) for each in line["discount_amounts"])
