"""A subscription's items: made from a call's parameters, changed, taken away, and whether they go together."""

from collections.abc import Collection
from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, no_such
from billing.sandbox.money import amounts, pricing
from billing.sandbox.money.lines import is_metered
from billing.sandbox.shapes import prices, subscriptions
from billing.sandbox.values import Obj, merged

_MOST_QUANTITY = 999_999


def price_of(account: Account, params: dict[str, Any], path: str, held: Collection[str] = ()) -> Obj:
    """The price that an item names or brings along; it has to be recurring, and active unless it is `held` already:
    by the schedule that is changed, or that does now what it was made to."""
    if "price_data" in params and "price" in params:
        raise ApiError(
            "You may only specify one of these parameters: price, price_data.", "parameters_exclusive", f"{path}[price]"
        )
    if "price_data" in params:
        return pricing.inline(account, params["price_data"], f"{path}[price_data]")
    if "price" not in params:
        raise ApiError(f"Missing required param: {path}[price].", "parameter_missing", f"{path}[price]")
    price = account.get("price", params["price"], f"{path}[price]")
    if not price["active"] and price["id"] not in held and not params.get("held"):
        raise ApiError(
            "The price specified is inactive. This field only accepts active prices.",
            "price_inactive",
            f"{path}[price]",
        )
    if not price["recurring"]:
        raise ApiError(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            param=f"{path}[price]",
        )
    return price


def quantity_of(price: Obj, params: dict[str, Any], path: str, default: int = 1) -> int | None:
    """None where usage says how much."""
    if is_metered({"price": price}):
        if "quantity" in params:
            raise ApiError(
                f"`quantity` should not be specified where usage_type is `metered`. Remove quantity from `{path}`.",
                param=f"{path}[quantity]",
            )
        return None
    quantity: int = params.get("quantity", default)
    if not 0 <= quantity <= _MOST_QUANTITY:
        raise ApiError("Invalid non-negative integer", "parameter_invalid_integer", f"{path}[quantity]")
    return quantity


def made(
    account: Account, subscription: str, params: dict[str, Any], path: str, period: tuple[int, int], now: int
) -> Obj:
    price = price_of(account, params, path)
    quantity = quantity_of(price, params, path)
    return subscriptions.item(subscription, price, quantity, period, params.get("metadata") or {}, now)


def updated(account: Account, subscription: Obj, given: list[dict[str, Any]], now: int) -> list[Obj]:
    """The items after an update; what it does not name stays. Raises ApiError."""
    items = {item["id"]: item for item in subscription["items"]["data"]}
    first = next(iter(items.values()))
    period = (first["current_period_start"], first["current_period_end"])
    for number, params in enumerate(given):
        path = f"items[{number}]"
        if not params.get("id"):
            added = made(account, subscription["id"], params, path, period, now)
            _supports(account, added["price"], subscription["currency"], f"{path}[price]")
            items[added["id"]] = added
        elif params["id"] not in items:
            raise no_such("subscription_item", params["id"], f"{path}[id]")
        elif params.get("deleted"):
            _check_clearing(items[params["id"]], params, path)
            del items[params["id"]]
        else:
            items[params["id"]] = _changed(account, items[params["id"]], params, path)
            _supports(account, items[params["id"]]["price"], subscription["currency"], f"{path}[price]")
    fit_together(account, list(items.values()), subscription["currency"])
    return list(items.values())


def fit_together(account: Account, items: list[Obj], currency: str) -> None:
    """Raises ApiError."""
    if not items:
        raise ApiError("A subscription must have at least one active item.", param="items")
    for number, item in enumerate(items):
        _supports(account, item["price"], currency, f"items[{number}][price]")
    if len({item["price"]["id"] for item in items}) < len(items):
        raise ApiError("Cannot add multiple subscription items with the same plan.", param="items")
    if len({tuple(item["price"]["recurring"][name] for name in ("interval", "interval_count")) for item in items}) > 1:
        raise ApiError("The stand-in takes prices of one interval only in a subscription.", param="items")


def _supports(account: Account, price: Obj, currency: str, path: str) -> None:
    if not amounts.knows(account, price, currency):
        raise ApiError(
            f"The price specified only supports `{price['currency']}`. "
            f"This doesn't match the expected currency: `{currency}`.",
            param=path,
        )


def _changed(account: Account, item: Obj, params: dict[str, Any], path: str) -> Obj:
    changed = {**item, "metadata": merged(item["metadata"], params.get("metadata"))}
    before = item.get("quantity")
    other = "price_data" in params or params.get("price", item["price"]["id"]) != item["price"]["id"]
    if other:
        price = price_of(account, params, path)
        changed |= {"price": price, "plan": prices.plan(price)}
    named = other or "price" in params
    quantity = quantity_of(changed["price"], params, path, 1 if named or before is None else before)
    changed.pop("quantity", None)
    return changed if quantity is None else changed | {"quantity": quantity}


def _check_clearing(item: Obj, params: dict[str, Any], path: str) -> None:
    if params.get("clear_usage") and not is_metered(item):
        raise ApiError("`clear_usage` is for metered prices only.", param=f"{path}[clear_usage]")
