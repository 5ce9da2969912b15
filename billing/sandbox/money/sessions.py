"""The amounts that a Checkout session shows, and the discount that somebody enters on its page."""

from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.money import quoting, redeeming
from billing.sandbox.money.buyers import Buyer
from billing.sandbox.money.redeeming import Purchase
from billing.sandbox.values import Obj


def priced(account: Account, session: Obj, buyer: Buyer | None = None) -> Obj:
    """The session and its lines with what is due now; stored."""
    private = account.private(session["id"])
    customer = account.find(session["customer"]) if session["customer"] else None
    asked = private["subscription"] | {"discounts": wanted(session)}
    quote = quoting.quoted(account, customer, asked, buyer)
    trial = bool(asked.get("trial_end") or asked.get("trial_period_days"))
    lines = [
        line | (_whole(quote.wholes[number]) if trial else _amounts(quote.lines_of(number)))
        | {"currency": quote.invoice["currency"]}
        for number, line in enumerate(private["lines"])
    ]  # fmt: skip
    account.keep(session["id"], lines=lines)
    invoice = quote.invoice
    session |= {
        "amount_subtotal": sum(line["amount_subtotal"] for line in lines),
        "amount_total": invoice["total"],
        "currency": invoice["currency"],
        "total_details": {
            "amount_discount": sum(each["amount"] for each in invoice["total_discount_amounts"]),
            "amount_shipping": 0,
            "amount_tax": sum(each["amount"] for each in invoice["total_taxes"]),
        },
    }
    if session["automatic_tax"]["enabled"]:
        status = invoice["automatic_tax"]["status"] or "requires_location_inputs"
        session["automatic_tax"] = session["automatic_tax"] | {"status": status}
    return account.save(session)


def wanted(session: Obj) -> list[dict[str, str]]:
    """The discounts as a subscription's call names them."""
    return [{name: value for name, value in each.items() if value} for each in session["discounts"] or []]


def enter_code(account: Account, session: Obj, typed: str) -> Obj:
    """A customer's code takes the place of another. Raises ApiError for one that does not hold here."""
    customer = account.find(session["customer"]) if session["customer"] else None
    amount = session["amount_subtotal"]
    purchase = Purchase(customer, session["currency"], amount, account.now(session["customer"]))
    code = redeeming.by_code(account, typed, purchase)
    return priced(account, session | {"discounts": [{"coupon": None, "promotion_code": code}]})


def drop_code(account: Account, session: Obj) -> Obj:
    return priced(account, session | {"discounts": []})


def _whole(amount: int) -> dict[str, int]:
    """In a trial nothing is due; the lines say what will be."""
    return {"amount_subtotal": amount, "amount_discount": 0, "amount_tax": 0, "amount_total": amount}


def _amounts(lines: list[Obj]) -> dict[str, Any]:
    subtotal = sum(line["amount"] for line in lines)
    off = sum(each["amount"] for line in lines for each in line["discount_amounts"])
    taxes = [tax for line in lines for tax in line["taxes"]]
    added = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    return {
        "amount_subtotal": subtotal,
        "amount_discount": off,
        "amount_tax": sum(tax["amount"] for tax in taxes),
        "amount_total": subtotal - off + added,
    }
