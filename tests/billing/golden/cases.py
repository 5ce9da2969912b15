"""All golden cases, by family."""

from tests.billing.golden.families import (
    coupons,
    crediting,
    currencies,
    endings,
    intervals,
    periods,
    plans,
    seats,
    taxes,
    tiers,
    trials,
    usage,
)
from tests.billing.golden.model import Case

FAMILIES: dict[str, tuple[Case, ...]] = {
    "plans": plans.CASES,
    "intervals": intervals.CASES,
    "seats": seats.CASES,
    "trials": trials.CASES,
    "coupons": coupons.CASES,
    "currencies": currencies.CASES,
    "taxes": taxes.CASES,
    "credit notes, balances, refunds": crediting.CASES,
    "tiers and parts": tiers.CASES,
    "usage": usage.CASES,
    "periods": periods.CASES,
    "cancellations and schedules": endings.CASES,
}

ALL = tuple(case for cases in FAMILIES.values() for case in cases)
