"""Tax ids of customers: their form is checked, not whether they were ever given to anybody.

The forms are those of the European Commission (https://ec.europa.eu/taxation_customs/vies/#/faq), question 11.
"""

import re

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.shapes import taxes
from billing.sandbox.values import Obj

_EU = {
    "AT": r"U\d{8}", "BE": r"[01]\d{9}", "BG": r"\d{9,10}", "CY": r"\d{8}[A-Z]", "CZ": r"\d{8,10}", "DE": r"\d{9}",
    "DK": r"\d{8}", "EE": r"\d{9}", "EL": r"\d{9}", "ES": r"[A-Z0-9]\d{7}[A-Z0-9]", "FI": r"\d{8}",
    "FR": r"[A-Z0-9]{2}\d{9}", "HR": r"\d{11}", "HU": r"\d{8}", "IE": r"(\d{7}[A-Z]{1,2}|\d[A-Z0-9+*]\d{5}[A-Z])",
    "IT": r"\d{11}", "LT": r"(\d{9}|\d{12})", "LU": r"\d{8}", "LV": r"\d{11}", "MT": r"\d{8}",
    "NL": r"[A-Z0-9+*]{10}\d{2}", "PL": r"\d{10}", "PT": r"\d{9}", "RO": r"\d{2,10}", "SE": r"\d{12}", "SI": r"\d{8}",
    "SK": r"\d{10}", "XI": r"(\d{9}|\d{12}|GD\d{3}|HA\d{3})",
}  # fmt: skip
_OTHERS = {
    "gb_vat": r"GB(\d{9}|\d{12}|GD\d{3}|HA\d{3})", "us_ein": r"\d{2}-?\d{7}",
    "ch_vat": r"CHE-?\d{3}\.?\d{3}\.?\d{3} ?(MWST|TVA|IVA)",
    "no_vat": r"\d{9}(MVA)?", "jp_trn": r"T\d{13}", "jp_cn": r"\d{13}", "au_abn": r"\d{11}", "nz_gst": r"\d{8,9}",
}  # fmt: skip
_MOST = 5  # of one customer


def add(account: Account, customer: Obj, kind: str, value: str) -> Obj:
    """Raises ApiError for an id that its country can't have given."""
    given = value.strip().upper()
    if not well_formed(kind, given):
        raise ApiError(f"Invalid value for {kind}.", "tax_id_invalid", "value")
    held = account.all("tax_id", customer=customer["id"])
    if any((each["type"], each["value"]) == (kind, given) for each in held):
        raise ApiError("This customer has this tax ID already.", "resource_already_exists", "value")
    if len(held) >= _MOST:
        raise ApiError(f"A customer can have up to {_MOST} tax IDs.", param="value")
    made = taxes.tax_id(customer["id"], kind, given, account.now(customer["id"]))
    return events.added(account, "customer.tax_id.created", made)


def well_formed(kind: str, value: str) -> bool:
    """Kinds of countries that are not listed here may hold anything that Stripe would look at."""
    if kind == "eu_vat":
        pattern = _EU.get(value[:2])
        return pattern is not None and re.fullmatch(pattern, value[2:]) is not None
    return re.fullmatch(_OTHERS.get(kind, r".{2,}"), value) is not None


def kind_of(value: str) -> str | None:
    """The kind of an id that somebody typed on a page, which asks for no kind."""
    given = value.strip().upper()
    return next((kind for kind in ("eu_vat", "gb_vat", "ch_vat", "us_ein") if well_formed(kind, given)), None)
