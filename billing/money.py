"""Amounts as people read and write them. Everywhere else they are integers in the currency's minor unit."""

import re
from decimal import Decimal

_SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
_NAMES = {"usd": "US dollars", "eur": "euro", "gbp": "pounds sterling", "jpy": "yen"}
# https://docs.stripe.com/currencies#zero-decimal and #three-decimal
_NONE = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"
_THREE = "bhd jod kwd omr tnd"
_DECIMALS = {**dict.fromkeys(_NONE.split(), 0), **dict.fromkeys(_THREE.split(), 3)}
# A comma is a decimal sign too, but not before three digits, where most who write it mean thousands.
_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3}|,[0-9]{1,2})?")


def whole(amount: object) -> bool:
    """Whether it is counted in whole minor units: 12.0 and True are no amounts, whatever Python thinks of them."""
    return isinstance(amount, int) and not isinstance(amount, bool)


def decimals(currency: str) -> int:
    """How many digits its minor unit has behind the point."""
    return _DECIMALS.get(currency, 2)


def shown(amount: int, currency: str) -> str:
    """ "$19.00" of 1900 cents, "¥1,900" of 1900 yen; "SEK 19.00" where the currency has no sign of its own here."""
    sign = _SIGNS.get(currency) or f"{currency.upper()} "
    digits = decimals(currency)
    return f"{'-' if amount < 0 else ''}{sign}{Decimal(abs(amount)).scaleb(-digits):,.{digits}f}"


def short(amount: int, currency: str) -> str:
    """The same for a price list: without cents where there are none."""
    return shown(amount, currency).removesuffix(".00")


def named(currency: str) -> str:
    """ "euro", as in "prices in euro"; its code where it has no name here."""
    return _NAMES.get(currency, currency.upper())


def minor(written: str, currency: str) -> int | None:
    """ "12.50" or "12,50" in the minor unit; None of what is no amount of this currency, as half a yen."""
    if not _AMOUNT.fullmatch(written):
        return None
    amount = Decimal(written.replace(",", ".")).scaleb(decimals(currency))
    return int(amount) if amount == int(amount) else None


def written(amount: int, currency: str) -> str:
    """As `minor` reads it: "12.50"."""
    digits = decimals(currency)
    return f"{Decimal(amount).scaleb(-digits):.{digits}f}"
