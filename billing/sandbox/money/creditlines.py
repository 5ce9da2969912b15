"""What the lines of a credit note come to: the invoice's discounts and taxes in the share that is given back."""

from fractions import Fraction
from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, no_such
from billing.sandbox.money.rounding import half_up, shares
from billing.sandbox.money.totals import by_discount, by_rate
from billing.sandbox.shapes import notes, taxes
from billing.sandbox.values import Obj


def of(account: Account, invoice: Obj, params: dict[str, Any]) -> list[Obj]:
    """The lines that a call asks for, or one over its `amount`. Raises ApiError."""
    if ("amount" in params) == ("lines" in params):
        raise ApiError("You must pass one of `amount` and `lines`.", "parameter_missing", "amount")
    if "amount" in params:
        return [_over(invoice, params["amount"])]
    return [_line(account, invoice, given, f"lines[{number}]") for number, given in enumerate(params["lines"])]


def amounts(lines: list[Obj]) -> Obj:
    """The credit note's totals."""
    subtotal = sum(line["amount"] for line in lines)
    off = sum(line["discount_amount"] for line in lines)
    found = by_rate([tax for line in lines for tax in line["taxes"]])
    total = subtotal - off + sum(tax["amount"] for tax in found if tax["tax_behavior"] == "exclusive")
    included = sum(tax["amount"] for tax in found if tax["tax_behavior"] == "inclusive")
    return {
        "amount": total,
        "discount_amount": off,
        "discount_amounts": by_discount(lines),
        "pretax_credit_amounts": [each | {"type": "discount"} for each in by_discount(lines)],
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - included,
        "total": total,
        "total_excluding_tax": total - sum(tax["amount"] for tax in found),
        "total_taxes": found,
    }


def _over(invoice: Obj, amount: int) -> Obj:
    """A sum with its taxes in it, which are parted from it as on the invoice."""
    if amount < 1:
        raise ApiError("Invalid positive integer", "parameter_invalid_integer", "amount")
    share = Fraction(amount, invoice["total"]) if invoice["total"] > 0 else Fraction(0)
    found = [_shared(tax, share) for tax in invoice["total_taxes"]]
    added = sum(tax["amount"] for tax in found if tax["tax_behavior"] == "exclusive")
    return notes.line(amount - added, None, quantity=1, taxes=found)


def _line(account: Account, invoice: Obj, given: dict[str, Any], path: str) -> Obj:
    if given["type"] == "custom_line_item":
        return _custom(account, given, path)
    found = next((line for line in invoice["lines"]["data"] if line["id"] == given.get("invoice_line_item")), None)
    if found is None:
        raise no_such("invoice_line_item", given.get("invoice_line_item"), f"{path}[invoice_line_item]")
    amount, quantity = _wanted(found, given)
    if not 0 < amount <= found["amount"]:
        raise ApiError("The amount of a line exceeds what the invoice's line has.", param=f"{path}[amount]")
    share = Fraction(amount, found["amount"])
    off = [each["amount"] for each in found["discount_amounts"]]
    taken = [
        {"amount": part, "discount": each["discount"]}
        for part, each in zip(shares(half_up(sum(off) * share), off), found["discount_amounts"], strict=True)
    ]
    return notes.line(
        amount, found["description"], type="invoice_line_item", invoice_line_item=found["id"], quantity=quantity,
        discount_amount=sum(each["amount"] for each in taken), discount_amounts=taken,
        pretax_credit_amounts=[each | {"type": "discount"} for each in taken],
        taxes=[_shared(tax, share) for tax in found["taxes"]],
    )  # fmt: skip


def _wanted(found: Obj, given: dict[str, Any]) -> tuple[int, int | None]:
    if "amount" in given:
        return given["amount"], None
    quantity = given.get("quantity", found["quantity"])
    return half_up(Fraction(found["amount"] * quantity, found["quantity"] or 1)), quantity


def _custom(account: Account, given: dict[str, Any], path: str) -> Obj:
    if "unit_amount" not in given or "description" not in given:
        raise ApiError(f"Missing required param: {path}[unit_amount].", "parameter_missing", f"{path}[unit_amount]")
    quantity = given.get("quantity", 1)
    amount = given["unit_amount"] * quantity
    rates = [account.get("tax_rate", wanted, f"{path}[tax_rates]") for wanted in given.get("tax_rates") or []]
    found = [
        taxes.tax(
            half_up(amount * Fraction(str(rate["percentage"])) / 100), rate, "standard_rated", amount, inclusive=False
        )
        for rate in rates
    ]
    unit = given["unit_amount"]
    more = {"quantity": quantity, "unit_amount": unit, "unit_amount_decimal": str(unit), "tax_rates": rates}
    return notes.line(amount, given["description"], taxes=found, **more)


def _shared(tax: Obj, share: Fraction) -> Obj:
    return tax | {"amount": half_up(tax["amount"] * share), "taxable_amount": half_up(tax["taxable_amount"] * share)}
