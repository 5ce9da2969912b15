"""Amounts as people read them."""

from billing.catalog import MINOR_UNITS

_SIGNS = {"usd": "$", "eur": "€", "gbp": "£"}


def shown(amount: int, currency: str) -> str:
    """ "$19.00" of 1900 minor units; "SEK 19.00" where the currency has no sign of its own here."""
    sign = _SIGNS.get(currency) or f"{currency.upper()} "
    return f"{'-' if amount < 0 else ''}{sign}{abs(amount) // MINOR_UNITS:,}.{abs(amount) % MINOR_UNITS:02}"


def short(amount: int, currency: str) -> str:
    """The same for a price list: without cents where there are none."""
    return shown(amount, currency).removesuffix(".00")
