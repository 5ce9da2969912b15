"""What a workspace's own pages say of what is sold: they know nothing of it, so billing is asked by the application.

To be asked before a tenant is bound.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app

KEY = "freehold.selling"


@dataclass(frozen=True)
class Selling:
    """Both are asked with a tenant's id."""

    seat: Callable[[str], str | None]  # "$4.00 a month", of one seat more; None: none can be had by itself
    calls: Callable[[str], str | None]  # up to what API calls go that have no limit: "up to your cap of $25.00"


def seat_price(tenant: str) -> str | None:
    return _selling().seat(tenant)


def calls_up_to(tenant: str) -> str | None:
    return _selling().calls(tenant)


def _selling() -> Selling:
    found: Selling = current_app.extensions[KEY]
    return found
