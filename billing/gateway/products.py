"""Products and prices at Stripe."""

from collections.abc import Sequence
from dataclasses import dataclass

import stripe
from stripe.params import PriceCreateParams, PriceCreateParamsTier

from billing.errors import NoPayments
from billing.gateway.connection import client, log, reaches_stripe
from billing.plans.catalog import Interval, Part

_KEYS_A_CALL = 10  # https://docs.stripe.com/api/prices/list#list_prices-lookup_keys


@dataclass(frozen=True)
class Tariff:
    """What one part of a plan costs in one currency: a price at Stripe."""

    part: Part
    interval: Interval
    currency: str

    @property
    def lookup_key(self) -> str:
        """By which Stripe finds its price for it."""
        return f"{self.part.product_id}_{self.interval}_{self.currency}"


@reaches_stripe
def tariff_ids(tariffs: Sequence[Tariff]) -> list[str]:
    """Raises NoPayments when the catalogue was never brought to Stripe."""
    found = find([tariff.lookup_key for tariff in tariffs])
    if missing := [tariff.lookup_key for tariff in tariffs if tariff.lookup_key not in found]:
        log.error("stripe.no_price", price=missing[0], hint="run `saas billing sync`")
        raise NoPayments
    return [found[tariff.lookup_key].id for tariff in tariffs]


@reaches_stripe
def find(lookup_keys: Sequence[str]) -> dict[str, stripe.Price]:
    """The active prices that have these keys."""
    known: dict[str, stripe.Price] = {}
    for start in range(0, len(lookup_keys), _KEYS_A_CALL):
        keys = list(lookup_keys[start : start + _KEYS_A_CALL])
        for found in client().v1.prices.list({"lookup_keys": keys, "active": True, "limit": 100}).data:
            known[found.lookup_key or ""] = found
    return known


@reaches_stripe
def create_price(tariff: Tariff, meter: str | None, *, key: str) -> str:
    """A price that takes over the lookup key, so that new customers get it; those who have another keep that."""
    part, interval = tariff.part, tariff.interval
    wanted: PriceCreateParams = {
        "product": part.product_id,
        "currency": tariff.currency,
        "lookup_key": tariff.lookup_key,
        "transfer_lookup_key": True,
        "nickname": f"{part.title}, by the {interval}, {tariff.currency}",
        "recurring": {"interval": interval.value},
    }
    if part.metered:
        wanted["recurring"] = {"interval": interval.value, "usage_type": "metered", "meter": meter or ""}
        wanted["billing_scheme"], wanted["tiers_mode"], wanted["tiers"] = "tiered", "graduated", _tiers(tariff)
    else:
        wanted["unit_amount"] = part.amounts(interval)[tariff.currency]
    return client().v1.prices.create(wanted, {"idempotency_key": key}).id


@reaches_stripe
def retire_price(id_: str) -> None:
    client().v1.prices.update(id_, {"active": False})


@reaches_stripe
def product_titles() -> dict[str, str]:
    """The names of all products, by their ids."""
    found = client().v1.products.list({"limit": 100})
    return {product.id: product.name for product in found.auto_paging_iter()}


@reaches_stripe
def create_product(part: Part) -> None:
    client().v1.products.create({"id": part.product_id, "name": part.title, "description": part.plan.summary})


@reaches_stripe
def rename_product(part: Part) -> None:
    client().v1.products.update(part.product_id, {"name": part.title, "description": part.plan.summary})


def fits(found: stripe.Price, tariff: Tariff) -> bool:
    """Whether a price asks what the catalogue says; of a metered one, whether it is one."""
    recurring = found.recurring
    asked = (recurring.interval if recurring else None, found.currency)
    if asked != (tariff.interval.value, tariff.currency):
        return False
    if tariff.part.metered:
        return found.billing_scheme == "tiered" and recurring is not None and recurring.usage_type == "metered"
    return found.unit_amount == tariff.part.amounts(tariff.interval)[tariff.currency]


def _tiers(tariff: Tariff) -> list[PriceCreateParamsTier]:
    """What is included costs nothing; a year includes twelve months' worth."""
    part, months = tariff.part, tariff.interval.months
    each = part.plan.overage[part.name].unit_price(tariff.currency)
    return [
        {"up_to": (part.plan.included(part.name) or 0) * months, "unit_amount": 0},
        {"up_to": "inf", "unit_amount_decimal": each},
    ]
