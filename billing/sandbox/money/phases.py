"""A schedule's phases as a call gives them: what Stripe accepts of them, and when each begins and ends."""

from collections.abc import Collection
from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, NotStoodIn
from billing.sandbox.money import currencies, items, periods, phaseterms
from billing.sandbox.shapes import schedules
from billing.sandbox.values import Obj

_OF_PHASE = {
    "automatic_tax", "billing_cycle_anchor", "collection_method", "currency", "default_payment_method",
    "default_tax_rates", "description", "discounts", "duration", "end_date", "items", "metadata",
    "proration_behavior", "start_date", "trial", "trial_end",
}  # fmt: skip
_OF_ITEM = {"metadata", "price", "price_data", "quantity"}


def read(
    account: Account,
    customer: Obj,
    given: list[dict[str, Any]],
    now: int,
    currency: str | None,
    held: Collection[str] = (),
    discounts: Collection[str] = (),
) -> list[Obj]:
    """The phases of a schedule, one after the other without a gap.

    Prices that are `held` may be inactive; `discounts` are those that the subscription has.
    """
    own = [customer["discount"]["id"]] if customer.get("discount") else []
    found: list[Obj] = []
    for number, params in enumerate(given):
        path = f"phases[{number}]"
        _stood_in(params, path)
        start = found[-1]["end_date"] if found else params["start_date"]
        if params.get("start_date", start) not in {start, "now"}:
            raise ApiError("A phase begins where the one before it ends.", param=f"{path}[start_date]")
        made, prices = _items(account, params["items"], path, held)
        wanted = currencies.chosen(account, customer, prices, params.get("currency") or currency)
        items.fit_together(account, [{"price": price} for price in prices], wanted)
        end = _end(params, prices[0], start, now, path)
        phase = schedules.phase(params, made, wanted, start, end)
        found.append(phase | phaseterms.read(account, customer, phase, params, path, [*discounts, *own]))
    return found


def _items(
    account: Account, given: list[dict[str, Any]], path: str, held: Collection[str]
) -> tuple[list[Obj], list[Obj]]:
    made, prices = [], []
    for number, params in enumerate(given):
        at = f"{path}[items][{number}]"
        for name, value in params.items():
            if name not in _OF_ITEM and value:
                raise NotStoodIn(f"The stand-in for Stripe does not do {at}[{name}].", None, f"{at}[{name}]")
        price = items.price_of(account, params, at, held)
        prices.append(price)
        quantity = items.quantity_of(price, params, at)
        made.append(schedules.item(price["id"], quantity, params.get("metadata") or {}))
    if not made:
        raise ApiError(f"Missing required param: {path}[items].", "parameter_missing", f"{path}[items]")
    return made, prices


def _end(params: dict[str, Any], price: Obj, start: int, now: int, path: str) -> int:
    """As given, or after so many intervals, or after one of the price's."""
    if "end_date" in params and "duration" in params:
        raise ApiError(
            "You may only specify one of these parameters: end_date, duration.", "parameters_exclusive", path
        )
    span = params.get("duration") or price["recurring"]
    end = params.get("end_date", periods.after(start, span["interval"], span.get("interval_count", 1), start))
    end = now if end == "now" else end
    if end <= start:
        raise ApiError("A phase must end after it begins.", param=f"{path}[end_date]")
    return int(end)


def _stood_in(params: dict[str, Any], path: str) -> None:
    for name, value in params.items():
        if name not in _OF_PHASE and value:
            raise NotStoodIn(f"The stand-in for Stripe does not do {path}[{name}].", None, f"{path}[{name}]")
