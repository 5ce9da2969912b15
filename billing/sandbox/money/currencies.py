"""The currency that a subscription is in; it never changes."""

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import amounts
from billing.sandbox.values import Obj

_ENDED = {"canceled", "incomplete_expired"}


def chosen(account: Account, customer: Obj | None, prices: list[Obj], wanted: str | None) -> str:
    """What the call says, else what the customer pays in where all prices know it, else the first price's own."""
    usual = (customer or {}).get("currency")
    currency = (wanted or "").lower() or (usual if usual and _all_know(account, prices, usual) else None)
    if customer:
        _one_at_a_time(account, customer, currency or prices[0]["currency"])
    return currency or str(prices[0]["currency"])


def _all_know(account: Account, prices: list[Obj], currency: str) -> bool:
    return all(amounts.knows(account, price, currency) for price in prices)


def _one_at_a_time(account: Account, customer: Obj, currency: str) -> None:
    for other in account.all("subscription", customer=customer["id"]):
        if other["status"] not in _ENDED and other["currency"] != currency:
            raise ApiError(
                "You cannot combine currencies on a single customer. This customer has an active subscription, "
                f"subscription schedule, discount, quote, or invoice item with currency {other['currency']}.",
                param="currency",
            )
