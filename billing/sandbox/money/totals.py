"""An invoice's lines with their discounts and taxes, and what they come to together."""

from dataclasses import dataclass
from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.money import discounting, taxing
from billing.sandbox.values import Obj, nulls


@dataclass(frozen=True)
class Totals:
    lines: list[Obj]
    fields: Obj  # of the invoice


def of(account: Account, customer: Obj, subscription: Obj | None, lines: list[Obj]) -> Totals:
    now = account.now(customer["id"])
    whole = discounting.of_whole(account, customer, subscription, now)
    items = {item["id"]: item for item in subscription["items"]["data"]} if subscription else {}
    lines = discounting.discounted(account, lines, whole, items, now)
    lines = taxing.taxed(account, customer, subscription, lines)
    lines = [line | {"pretax_credit_amounts": _credits(line)} for line in lines]
    return Totals(lines, _fields(account, customer, subscription, lines, whole))


def _fields(account: Account, customer: Obj, subscription: Obj | None, lines: list[Obj], whole: list[str]) -> Obj:
    subtotal = sum(line["amount"] for line in lines)
    taxes = [tax for line in lines for tax in line["taxes"]]
    off = sum(each["amount"] for line in lines for each in line["discount_amounts"])
    total = subtotal - off + sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    included = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    return {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - included,
        "total": total,
        "total_excluding_tax": total - sum(tax["amount"] for tax in taxes),
        "amount_due": max(total, 0),
        "amount_remaining": max(total, 0),
        "discounts": whole,
        "total_discount_amounts": by_discount(lines),
        "total_pretax_credit_amounts": [_credit(each["amount"], each["discount"]) for each in by_discount(lines)],
        "total_taxes": by_rate(taxes),
        "default_tax_rates": subscription["default_tax_rates"] if subscription else [],
        "automatic_tax": _automatic(customer, subscription),
        "customer_tax_ids": [
            {"type": found["type"], "value": found["value"]} for found in account.all("tax_id", customer=customer["id"])
        ],
    }


def by_rate(taxes: list[Obj]) -> list[Obj]:
    """The taxes of several lines, one entry for each rate and reason."""
    found: dict[Any, Obj] = {}
    for tax in taxes:
        rate = (tax["tax_rate_details"] or {}).get("tax_rate")
        same = found.setdefault(
            (rate, tax["tax_behavior"], tax["taxability_reason"]), tax | {"amount": 0, "taxable_amount": 0}
        )
        same["amount"] += tax["amount"]
        same["taxable_amount"] += tax["taxable_amount"]
    return list(found.values())


def by_discount(lines: list[Obj]) -> list[Obj]:
    """What each discount takes off several lines together."""
    found: dict[str, int] = {}
    for line in lines:
        for each in line["discount_amounts"]:
            found[each["discount"]] = found.get(each["discount"], 0) + each["amount"]
    return [{"amount": amount, "discount": wanted} for wanted, amount in found.items()]


def _credits(line: Obj) -> list[Obj]:
    return [_credit(each["amount"], each["discount"]) for each in line["discount_amounts"]]


def _credit(amount: int, discount: str) -> Obj:
    return {"amount": amount, "discount": discount, "type": "discount"}


def _automatic(customer: Obj, subscription: Obj | None) -> Obj:
    if subscription is None or not subscription["automatic_tax"]["enabled"]:
        return nulls("disabled_reason liability provider status") | {"enabled": False}
    status = "complete" if taxing.located(customer) else "requires_location_inputs"
    return {
        "disabled_reason": None,
        "enabled": True,
        "liability": {"type": "self"},
        "provider": "stripe",
        "status": status,
    }
