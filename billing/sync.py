"""Brings the catalogue to Stripe, as often as one likes."""

from collections.abc import Iterator

from billing import catalog
from billing.catalog import Plan, Price
from billing.gateway import portal, products

_PORTAL_KEY = "freehold:portal:v1"


def sync() -> Iterator[str]:
    """Create and mend the products and prices of every plan, and the customer portal; yields a line for each deed.

    To be called with no transaction open. A price whose amount has changed is replaced by a new one that takes over
    its lookup key; those who pay the old one keep it. Raises StripeAway and NoPayments.
    """
    for plan in catalog.PLANS:
        if not plan.free:
            yield from _product(plan)
    for price in catalog.prices():
        yield from _price(price)
    if portal.find() is None:
        yield f"customer portal set up as {portal.create(key=_PORTAL_KEY)}"


def _product(plan: Plan) -> Iterator[str]:
    name = products.product_name(plan)
    if name is None:
        products.create_product(plan)
        yield f"product {plan.product_id} created"
    elif name != plan.name:
        products.rename_product(plan)
        yield f"product {plan.product_id} renamed from {name} to {plan.name}"


def _price(price: Price) -> Iterator[str]:
    found = products.find_price(price)
    if found and found.fits:
        return
    made = products.create_price(price, key=f"{price.lookup_key}:{price.amount}:{found.id if found else ''}")
    yield f"price {price.lookup_key} created as {made}"
    if found:
        products.retire_price(found.id)
        yield f"price {found.id} retired"
