"""The rates that `automatic_tax` takes: the standard one of a country, and nothing else of its law.

The European Union's are those the Commission publishes
(https://europa.eu/youreurope/business/taxation/vat/vat-rules-rates/index_en.htm), read in 2026.
"""

from billing.sandbox.account import Account
from billing.sandbox.shapes import taxes
from billing.sandbox.values import Obj

EU: dict[str, float] = {
    "AT": 20, "BE": 21, "BG": 20, "CY": 19, "CZ": 21, "DE": 19, "DK": 25, "EE": 24, "ES": 21, "FI": 25.5, "FR": 20,
    "GR": 24, "HR": 25, "HU": 27, "IE": 23, "IT": 22, "LT": 21, "LU": 17, "LV": 21, "MT": 18, "NL": 21, "PL": 23,
    "PT": 23, "RO": 21, "SE": 25, "SI": 22, "SK": 23,
}  # fmt: skip
_ELSEWHERE: dict[str, tuple[float, str, str]] = {
    "AU": (10, "gst", "GST"), "CH": (8.1, "vat", "VAT"), "GB": (20, "vat", "VAT"), "JP": (10, "jct", "Consumption tax"),
    "NO": (25, "vat", "VAT"), "NZ": (15, "gst", "GST"),
}  # fmt: skip


def rate_for(account: Account, country: str, *, inclusive: bool) -> Obj | None:
    """The country's rate as an object of the account's, made when it is first needed; None where nothing is levied."""
    known = (EU[country], "vat", "VAT") if country in EU else _ELSEWHERE.get(country)
    if known is None:
        return None
    for found in account.all("tax_rate", country=country, inclusive=int(inclusive)):
        if account.private(found["id"]).get("automatic"):
            return found
    percentage, kind, name = known
    params = {"percentage": percentage, "inclusive": inclusive, "country": country, "tax_type": kind}
    made = taxes.tax_rate(params | {"display_name": name, "active": False}, account.now())
    return account.add(made | {"jurisdiction_level": "country"}, automatic=True)
