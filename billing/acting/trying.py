"""Trials that begin without a card, and those that should not have begun."""

from uuid import UUID

from billing.acting import checkout, customers
from billing.acting.acts import act, keep
from billing.acting.checkout import Payer
from billing.entitlement import entitlements, notices, trials
from billing.errors import AlreadySubscribed, NoTrial, PayFirst, Superseded
from billing.gateway import subscriptions
from billing.mirrored import flags, mirror
from billing.models import LIVE, Subscription
from billing.offering import shaping
from billing.plans import catalog
from billing.plans.catalog import Price
from tenants.usage import stocks
from tenants.usage.limits import SEATS

SECOND_TRIAL = "second-trial"


def without_card(tenant: str, payer: str, price: Price) -> bool:
    """Whether a plan can be tried at once, by who has never tried one; also by who has begun just now."""
    trial, old = price.plan.trial, mirror.live_subscription_of(tenant)
    if not trial.days or trial.card != "optional":
        return False
    return _is_same(old, price) if old else trials.left(tenant, payer)


def start(payer: Payer, price: Price, *, key: UUID | None) -> Subscription:
    """Begin a trial that ends by itself unless somebody gives a card; a payment that is open is given up for it.

    Raises AlreadySubscribed, NoTrial, Superseded and StripeAway.
    """
    checkout.drop_other(payer.tenant, None)
    entitlements.lock(payer.tenant)
    if old := mirror.live_subscription_of(payer.tenant):
        if not _is_same(old, price):
            raise AlreadySubscribed
        return old  # the same click, twice
    if mirror.owes_still(payer.tenant):
        raise PayFirst
    customer = customers.ensure(payer.tenant, email=payer.email, name=payer.name)
    entitlements.lock(payer.tenant)
    if checkout.open_of(payer.tenant):
        raise Superseded
    if not trials.claim(payer.tenant, payer.email):
        raise NoTrial
    wishes = shaping.items(price, seats=shaping.seats_beyond(price.plan, stocks.used(SEATS, payer.tenant)))
    about = {"plan": price.plan.code, "version": price.plan.version, "interval": price.interval.value}
    with act("trial.started", payer.tenant, payer.actor, "Chosen on the plan page.", key, after=about) as asked:
        there = [one.id for one in subscriptions.of_customer(customer) if one.status in LIVE]
        id_ = there[0] if there else subscriptions.start_trial(
            customer=customer, items=wishes, days=price.plan.trial.days, tenant=payer.tenant, key=asked.key
        )  # fmt: skip
    return keep(asked, id_)


def refuse(tenant: str, subscription: str) -> None:
    """Of a trial that was ended since the card has had one: tell its people, and an admin."""
    found = mirror.subscription_of(tenant)
    plan = catalog.name_of(found.plan or "") if found else ""
    notices.tell(tenant, "trial-refused", subscription, plan=plan)
    text = "Its trial was ended at once: the card has had one with another business. Its first period is to be paid."
    flags.raise_flag(tenant, SECOND_TRIAL, subscription, text)


def _is_same(old: Subscription, price: Price) -> bool:
    return (old.status, old.plan, old.interval) == ("trialing", price.plan.code, price.interval.value)
