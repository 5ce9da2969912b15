"""Products and prices at Stripe."""

from dataclasses import dataclass

import stripe

from billing.catalog import CURRENCY, Plan, Price
from billing.errors import NoPayments
from billing.gateway.connection import client, log, reaches_stripe


@dataclass(frozen=True)
class KnownPrice:
    id: str
    fits: bool  # whether it asks what the catalogue says


@reaches_stripe
def price_id(price: Price) -> str:
    """Raises NoPayments when the catalogue was never brought to Stripe."""
    found = find_price(price)
    if found is None:
        log.error("stripe.no_price", price=price.lookup_key, hint="run `saas billing sync`")
        raise NoPayments
    return found.id


@reaches_stripe
def find_price(price: Price) -> KnownPrice | None:
    found = client().v1.prices.list({"lookup_keys": [price.lookup_key], "active": True, "limit": 1}).data
    return KnownPrice(found[0].id, _fits(found[0], price)) if found else None


@reaches_stripe
def create_price(price: Price, *, key: str) -> str:
    """A price that takes over the lookup key, so that new customers get it; those who have another keep that."""
    made = client().v1.prices.create(
        {
            "product": price.plan.product_id,
            "currency": CURRENCY,
            "unit_amount": price.amount,
            "recurring": {"interval": price.interval.value},
            "lookup_key": price.lookup_key,
            "transfer_lookup_key": True,
            "nickname": f"{price.plan.name}, by the {price.interval.value}",
        },
        {"idempotency_key": key},
    )
    return made.id


@reaches_stripe
def retire_price(id_: str) -> None:
    client().v1.prices.update(id_, {"active": False})


@reaches_stripe
def product_name(plan: Plan) -> str | None:
    """The name that the plan's product has; None when there is none."""
    try:
        return client().v1.products.retrieve(plan.product_id).name
    except stripe.InvalidRequestError as error:
        if error.http_status == 404:
            return None
        raise


@reaches_stripe
def create_product(plan: Plan) -> None:
    client().v1.products.create({"id": plan.product_id, "name": plan.name, "description": plan.summary})


@reaches_stripe
def rename_product(plan: Plan) -> None:
    client().v1.products.update(plan.product_id, {"name": plan.name, "description": plan.summary})


def _fits(found: stripe.Price, price: Price) -> bool:
    recurring = found.recurring.interval if found.recurring else None
    return (found.unit_amount, found.currency, recurring) == (price.amount, CURRENCY, price.interval.value)
