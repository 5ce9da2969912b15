"""The card form: what was typed, and what is wrong with it, by field."""

import re
from collections.abc import Mapping

from billing.sandbox import cards
from billing.sandbox.errors import ApiError
from billing.sandbox.money.checkout import Entry

_EXPIRY = re.compile(r"\s*(\d{1,2})\s*[/\-. ]?\s*(\d{4}|\d{2})\s*")
_AT = {"number": "number", "exp_month": "expiry", "exp_year": "expiry", "cvc": "cvc"}


def read(form: Mapping[str, str]) -> tuple[Entry | None, dict[str, str]]:
    """The entry, or the message for each field that is wrong."""
    number = re.sub(r"[\s-]", "", form.get("number", ""))
    expiry = _EXPIRY.fullmatch(form.get("expiry", ""))
    cvc, name = form.get("cvc", "").strip(), form.get("name", "").strip()
    wrong = {}
    if not number:
        wrong["number"] = "Enter the card's number."
    if not form.get("expiry", "").strip():
        wrong["expiry"] = "Enter the expiry date, as MM/YY."
    elif not expiry:
        wrong["expiry"] = "Write the expiry date as MM/YY."
    if not cvc:
        wrong["cvc"] = "Enter the security code from the card."
    if not name:
        wrong["name"] = "Enter the name on the card."
    if wrong or not expiry:
        return None, wrong
    month, year = int(expiry[1]), int(expiry[2]) + (2000 if len(expiry[2]) == 2 else 0)
    if problem := cards.problem(number, month, year, cvc):
        return None, {_AT[problem[0]]: problem[1].message}
    return Entry(number, month, year, name), {}


def declined(error: ApiError) -> dict[str, str]:
    """Where to say that the bank refused."""
    return {_AT.get(error.param or "", "card"): error.message}
