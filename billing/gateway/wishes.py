"""What the items of a subscription are to be, in the words of each of Stripe's calls that take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from billing.gateway.products import Tariff, tariff_ids


@dataclass(frozen=True)
class Wish:
    """One item: to be there at a price, or, with none, to go away."""

    tariff: Tariff | None
    item: str | None = None  # the one that is there already
    quantity: int | None = None  # None: a metered one has none


class ItemParams(TypedDict, total=False):
    id: str
    deleted: bool
    price: str
    quantity: int


def changed(wishes: Sequence[Wish]) -> list[ItemParams]:
    """For an update, and for the preview of one. To be called where Stripe may be. Raises NoPayments."""
    ids = _ids(wishes)
    return [_item(wish, ids) for wish in wishes]


def made(wishes: Sequence[Wish]) -> list[ItemParams]:
    """For something that begins, as a phase of a schedule does: without what is there, or goes away."""
    ids = _ids(wishes)
    return [_price(wish, ids) for wish in wishes if wish.tariff]


def _ids(wishes: Sequence[Wish]) -> dict[str, str]:
    """The ids of the prices, by their lookup keys."""
    tariffs = [wish.tariff for wish in wishes if wish.tariff]
    return dict(zip([one.lookup_key for one in tariffs], tariff_ids(tariffs), strict=True)) if tariffs else {}


def _item(wish: Wish, ids: dict[str, str]) -> ItemParams:
    known: ItemParams = {"id": wish.item} if wish.item else {}
    if wish.tariff is None:
        return {**known, "deleted": True}
    return {**known, **_price(wish, ids)}


def _price(wish: Wish, ids: dict[str, str]) -> ItemParams:
    found: ItemParams = {"price": ids[wish.tariff.lookup_key]} if wish.tariff else {}
    if wish.quantity is not None:
        found["quantity"] = wish.quantity
    return found
