"""Brings the catalogue to Stripe, as often as one likes: what is to be done is told before it is done."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

from billing.gateway import meters, portal, products
from billing.gateway.products import Tariff
from billing.plans import catalog, publishing
from billing.plans.catalog import Interval, Part
from saas.core.database import transaction
from tenants.usage import limits

_PORTAL_KEY = "freehold:portal:v2"


@dataclass(frozen=True)
class Deed:
    """Something that Stripe lacks. `do` returns the id of what it made."""

    sentence: str  # "create the price freehold_growth_v1_month_usd"
    do: Callable[[], str | None]


def sync() -> Iterator[str]:
    """Do all that is to be done; yields a line for each deed. Raises as `planned`."""
    for deed in planned():
        yield done(deed)
    with transaction():
        publishing.publish()


def done(deed: Deed) -> str:
    made = deed.do()
    return f"{deed.sentence}: {made}" if made else deed.sentence


def planned() -> list[Deed]:
    """What Stripe lacks of the products, prices, meters and the customer portal, in the order to do it in.

    To be called with no transaction open. A price that asks something else is replaced by one that takes over its
    lookup key; those who pay the old one keep it. Raises BadCatalogue, StripeAway and NoPayments.
    """
    with transaction():
        publishing.check()
    return [*_meters(), *_products(), *_prices(cache(meters.find)), *_portal()]


def _parts() -> list[Part]:
    return [part for plan in catalog.every() for part in plan.parts()]


def _meters() -> Iterator[Deed]:
    known = meters.find()
    for resource in dict.fromkeys(part.name for part in _parts() if part.metered):
        event = meters.event_of(resource)
        if event not in known:
            make = partial(meters.create, event=event, name=limits.get(resource).label, key=f"freehold:meter:{event}")
            yield Deed(f"create the meter {event}", make)


def _products() -> Iterator[Deed]:
    known = products.product_titles()
    for part in _parts():
        title = known.get(part.product_id)
        if title is None:
            yield Deed(f"create the product {part.product_id}", partial(products.create_product, part))
        elif title != part.title:
            rename = partial(products.rename_product, part)
            yield Deed(f"rename the product {part.product_id} from {title} to {part.title}", rename)


def _prices(known_meters: Callable[[], dict[str, str]]) -> Iterator[Deed]:
    tariffs = [
        Tariff(part, interval, currency) for part in _parts() for interval in Interval for currency in part.plan.prices
    ]
    known = products.find([tariff.lookup_key for tariff in tariffs])
    for tariff in tariffs:
        found = known.get(tariff.lookup_key)
        if found and products.fits(found, tariff):
            continue
        key = f"{tariff.lookup_key}:{found.id if found else ''}"
        yield Deed(f"create the price {tariff.lookup_key}", partial(_create_price, tariff, known_meters, key))
        if found:
            yield Deed(f"retire the price {found.id}", partial(products.retire_price, found.id))


def _create_price(tariff: Tariff, known_meters: Callable[[], dict[str, str]], key: str) -> str:
    meter = known_meters()[meters.event_of(tariff.part.name)] if tariff.part.metered else None
    return products.create_price(tariff, meter, key=key)


def _portal() -> Iterator[Deed]:
    if portal.find() is None:
        yield Deed("set up the customer portal", partial(portal.create, key=_PORTAL_KEY))
