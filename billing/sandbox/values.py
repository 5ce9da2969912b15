"""Small makers that every object needs."""

import secrets
import string
from decimal import Decimal
from typing import Any

Obj = dict[str, Any]  # one of Stripe's objects, as it goes over the wire

_ALPHABET = (string.ascii_letters + string.digits).encode()
_LETTERS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_{secrets.token_bytes(length).translate(_LETTERS).decode()}"


def nulls(names: str) -> dict[str, None]:
    """Fields that Stripe always names, though they hold nothing here."""
    return dict.fromkeys(names.split())


def list_of(items: list[Obj], url: str, *, has_more: bool = False) -> Obj:
    return {"object": "list", "data": items, "has_more": has_more, "url": url}


def merged(old: dict[str, str] | None, new: dict[str, str] | str | None) -> dict[str, str]:
    """Metadata after an update: an empty value removes its key, an empty string all keys."""
    if new is None:
        return dict(old or {})
    if isinstance(new, str):
        return {}
    both = {**(old or {}), **new}
    return {key: value for key, value in both.items() if value != ""}


def taken(params: dict[str, Any], names: str) -> dict[str, Any]:
    """The named parameters that were given; an empty string unsets its field."""
    return {name: (None if params[name] == "" else params[name]) for name in names.split() if name in params}


def decimal_of(amount: int | str) -> str:
    """A decimal without a tail of zeros, as Stripe shows it."""
    text = format(Decimal(amount).normalize(), "f")
    return "0" if text == "-0" else text
