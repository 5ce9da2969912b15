"""What a Checkout page asks of who buys, beside the card: email, address, business and its tax id."""

import re
from collections.abc import Mapping

from billing.sandbox.account import Account
from billing.sandbox.money import taxids, taxing
from billing.sandbox.money.buyers import Buyer
from billing.sandbox.values import Obj, nulls

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")
_COUNTRY = re.compile(r"[A-Za-z]{2}")


def read(account: Account, session: Obj, form: Mapping[str, str]) -> tuple[Buyer, dict[str, str]]:
    """The buyer, and the message for each field that is wrong."""
    wrong = {}
    email = (known_email(account, session) or form.get("email", "")).strip()
    if not _EMAIL.fullmatch(email):
        wrong["email"] = "Enter an email address, such as name@example.com."
    address = _address(form) if asks_address(account, session) else None
    if address and not _COUNTRY.fullmatch(address["country"] or ""):
        wrong["country"] = "Enter the country's two letters, such as DE."
    business, tax_id = form.get("business", "").strip(), form.get("tax_id", "").strip()
    if tax_id and taxids.kind_of(tax_id) is None:
        wrong["tax_id"] = "Write the tax ID with its country in front, such as DE123456789."
    if tax_id and not business:
        wrong["business"] = "Enter the name that the tax ID belongs to."
    return Buyer(email, address, business or None, tax_id or None), wrong


def known_email(account: Account, session: Obj) -> str | None:
    customer = account.find(session["customer"]) if session["customer"] else None
    return session["customer_email"] or (customer or {}).get("email")


def asks_address(account: Account, session: Obj) -> bool:
    if session["billing_address_collection"] == "required":
        return True
    if not session["automatic_tax"]["enabled"]:
        return False
    customer = account.find(session["customer"]) if session["customer"] else None
    saves = account.private(session["id"]).get("saves") or {}
    return customer is None or taxing.located(customer) is None or saves.get("address") == "auto"


def _address(form: Mapping[str, str]) -> Obj:
    given = {name: form.get(name, "").strip() or None for name in ("line1", "postal_code", "city")}
    return {**nulls("line2 state"), **given, "country": form.get("country", "").strip().upper() or None}
