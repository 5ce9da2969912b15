"""Paying, on the stand-in's Checkout page, with the webhooks and jobs that belong to it; and a payment that fails."""

import time
from collections.abc import Callable
from contextlib import suppress

import requests
import structlog
from flask import Flask

from billing.acting import changing, checkout
from billing.acting.checkout import Payer
from billing.errors import AlreadySubscribed, SamePlan
from billing.mirrored import mirror
from billing.offering import shaping, sync
from billing.plans import catalog
from saas.core.settings import Settings, current_settings
from saas.devstack.browser import Browser
from saas.devstack.demo import businesses
from saas.devstack.demo.businesses import Business
from saas.devstack.demo.visits import visit
from tenants.models import Standing

WORKS, FAILS_LATER = "4242 4242 4242 4242", "4000 0000 0000 0341"
FORM = {"expiry": "12/34", "cvc": "123"}
_WAIT = 60.0  # seconds for a webhook and its job, on a machine that is starting up

log = structlog.get_logger()


def possible(app: Flask) -> bool:
    """Whether payments go to the stand-in: at Stripe itself nobody's card is typed in by a program."""
    settings: Settings = app.extensions["freehold.settings"]
    return settings.stripe_secret_key is not None and settings.stripe_api_url is not None


def bring_catalogue(app: Flask) -> None:
    """Without it there is nothing to buy; done at each start, as prices may have changed."""
    with app.app_context():
        for line in sync.sync():
            log.info("demo.catalogue", done=line)


def buy(app: Flask, business: Business, plan: str, card: str) -> None:
    """As its owner does it: choose, fill in the card, and wait for the platform to hear of it."""
    if _status(app, business) is None:
        with suppress(AlreadySubscribed):  # a start that was killed had paid, and its webhook has come just now
            url = _start(app, business, plan)
            if "/checkout/" in url:  # otherwise it has been paid already, and only its webhook is on its way
                _fill_in(url, business, card)
    _await(f"the plan of {business.name}", lambda: _status(app, business) is not None)


def change_plan(app: Flask, business: Business, plan: str) -> None:
    """Repeated after a kill it changes nothing more: Stripe has the plan already, and asks no money for it."""
    with suppress(SamePlan), visit(app):  # the webhook of a start that was killed may come at any moment of this
        tenant = businesses.workspace(business.address).id
        subscription = mirror.live_subscription_of(tenant)
        if subscription is None or subscription.plan == plan:
            return
        actor = f"user:{businesses.person(business.owner).id}"
        price, customer = shaping.price_for(subscription, plan, catalog.Interval.MONTH), mirror.customer_of(tenant)
        begun = customer.acting if customer else None  # by a start that was killed: it is gone on with
        changing.change_plan(tenant, price, actor=actor, reason="Chosen on the plan page.", key=begun)


def fail(app: Flask, business: Business) -> None:
    """End the trial; the card was good enough for that, and its first charge is declined."""
    with visit(app):
        subscription = mirror.live_subscription_of(businesses.workspace(business.address).id)
        trial = subscription.id if subscription and subscription.status == "trialing" else None
        settings = current_settings()
    if trial:
        answer = requests.post(
            f"{settings.stripe_api_url}/v1/subscriptions/{trial}",
            data={"trial_end": "now"},
            auth=(settings.stripe_secret_key or "", ""),
            timeout=10,
        )
        answer.raise_for_status()
    _await(f"the failed payment of {business.name}", lambda: _standing(app, business) == Standing.PAST_DUE)


def _start(app: Flask, business: Business, plan: str) -> str:
    with visit(app):
        workspace, owner = businesses.workspace(business.address), businesses.person(business.owner)
        payer = Payer(workspace.id, workspace.name, owner.email, f"user:{owner.id}", f"{workspace.url}/billing/return")
        return checkout.start(payer, catalog.price(plan, catalog.Interval.MONTH))


def _fill_in(url: str, business: Business, card: str) -> None:
    browser = Browser(url)
    form = browser.open(url).form(having="number")
    data = form.fields | FORM | {"number": card, "name": business.owner_name}
    answer = browser.request("POST", form.action, data=data)
    if not answer.is_redirect:
        raise LookupError(f"the payment page answered {answer.status_code}")


def _status(app: Flask, business: Business) -> str | None:
    with visit(app):
        found = mirror.live_subscription_of(businesses.workspace(business.address).id)
        return found.status if found else None


def _standing(app: Flask, business: Business) -> str:
    with visit(app):
        return businesses.workspace(business.address).standing


def _await(what: str, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {_WAIT:.0f} s for {what}")
        time.sleep(0.1)
