"""Prices come about: what Stripe accepts of one, alone or given along with an item."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.shapes import prices
from billing.sandbox.values import Obj

_MOST_INTERVALS = {"day": 1095, "week": 156, "month": 36, "year": 3}  # three years
_AMOUNTS = {"unit_amount", "unit_amount_decimal"}
_TIER_AMOUNTS = _AMOUNTS | {"flat_amount", "flat_amount_decimal"}


def made(account: Account, params: dict[str, Any], product: str) -> Obj:
    """A new price, stored and told of. Raises ApiError for what Stripe refuses."""
    check(account, params)
    price = prices.price(params, product, account.now())
    return events.added(account, "price.created", price, **prices.hidden(params))


def inline(account: Account, params: dict[str, Any], path: str) -> Obj:
    """The price of an item's `price_data`: it is for this item, so it is not active."""
    product = account.living("product", params["product"], f"{path}[product]")
    return made(account, {**params, "active": False}, product["id"])


def check(account: Account, params: dict[str, Any]) -> None:
    for currency in (params["currency"], *(params.get("currency_options") or {})):
        if len(currency) != 3 or not currency.isalpha():
            raise ApiError(f"Invalid currency: {currency}.", param="currency")
    _sensible_interval(params.get("recurring"))
    _metered(account, params.get("recurring") or {})
    if params.get("transform_quantity") and params.get("tiers"):
        raise ApiError("You cannot use `transform_quantity` with `tiers`.", param="transform_quantity")
    tiered = params.get("billing_scheme") == "tiered"
    if tiered and "tiers_mode" not in params:
        raise ApiError("Missing required param: tiers_mode.", "parameter_missing", "tiers_mode")
    given = {"": params} | {
        f"currency_options[{name}]": option for name, option in (params.get("currency_options") or {}).items()
    }
    for path, option in given.items():
        _amounts(option, path, tiered=tiered)


def check_option(price: Obj, option: dict[str, Any], path: str) -> None:
    _amounts(option, path, tiered=price["billing_scheme"] == "tiered")


def _amounts(params: dict[str, Any], path: str, *, tiered: bool) -> None:
    given = _AMOUNTS & params.keys()
    if tiered:
        if given or not params.get("tiers"):
            raise ApiError(
                "With `billing_scheme=tiered` the amounts are given in `tiers`, and there only.",
                "parameter_missing",
                _under(path, "tiers"),
            )
        _tiers(params["tiers"], _under(path, "tiers"))
    elif params.get("tiers"):
        raise ApiError("`tiers` need `billing_scheme=tiered`.", param=_under(path, "tiers"))
    elif not given:
        raise ApiError(
            "Prices require a `unit_amount` or `unit_amount_decimal` parameter to be set.",
            "parameter_missing",
            _under(path, "unit_amount"),
        )
    _sensible_amounts(params, path)


def _sensible_amounts(params: dict[str, Any], path: str) -> None:
    for name in ("unit_amount", "flat_amount"):
        if name in params and f"{name}_decimal" in params:
            raise ApiError(
                f"You may only specify one of these parameters: {name}, {name}_decimal.",
                "parameters_exclusive",
                _under(path, name),
            )
    for name in _TIER_AMOUNTS & params.keys():
        if str(params[name]).startswith("-"):
            raise ApiError("Invalid non-negative integer", "parameter_invalid_integer", _under(path, name))


def _tiers(tiers: list[dict[str, Any]], path: str) -> None:
    """Each begins where the last ended, and the last has no end."""
    below = 0
    for number, tier in enumerate(tiers):
        here = f"{path}[{number}]"
        if not _TIER_AMOUNTS & tier.keys():
            raise ApiError("A tier has a unit amount or a flat amount.", "parameter_missing", f"{here}[unit_amount]")
        _sensible_amounts(tier, here)
        if number == len(tiers) - 1:
            if tier["up_to"] != "inf":
                raise ApiError("The last tier's `up_to` must be `inf`.", param=f"{here}[up_to]")
        elif tier["up_to"] == "inf" or tier["up_to"] <= below:
            raise ApiError("The tiers must be in ascending order of `up_to`.", param=f"{here}[up_to]")
        else:
            below = tier["up_to"]


def _metered(account: Account, recurring: dict[str, Any]) -> None:
    """A metered price needs a meter since API version 2025-03-31.basil."""
    meter = recurring.get("meter")
    if recurring.get("usage_type") != "metered":
        if meter:
            raise ApiError("Only metered prices have a meter.", param="recurring[meter]")
        return
    if not meter:
        raise ApiError("Metered prices must be backed by meters.", "parameter_missing", "recurring[meter]")
    if account.get("billing.meter", meter, "recurring[meter]")["status"] != "active":
        raise ApiError("The meter is inactive.", param="recurring[meter]")


def _sensible_interval(recurring: dict[str, Any] | None) -> None:
    if recurring is None:
        return
    most = _MOST_INTERVALS[recurring["interval"]]
    if not 1 <= recurring.get("interval_count", 1) <= most:
        raise ApiError(
            f"Invalid interval_count: it must be between 1 and {most} for the interval {recurring['interval']}.",
            "parameter_invalid_integer",
            "recurring[interval_count]",
        )


def _under(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name
