"""What makes the demo a living one: payments, colleagues, a payment that fails, a job that is dead.

It runs beside the stack that it needs, since webhooks and jobs are real. A step killed in its middle is repeated.
"""

from flask import Flask

from billing.entitlement import grants
from saas.devstack.demo import businesses, payments, people, tasks
from saas.devstack.demo.bakery import BAKERY
from saas.devstack.demo.businesses import Business
from saas.devstack.demo.neighbours import HARBOUR, LUMEN
from saas.devstack.demo.people import Colleague
from saas.devstack.demo.visits import ACTOR, finally_once, once, visit
from tenants.members.models import Role

UNKNOWN = "deliveries"  # a collection that the bakery does not have

_TEAM = (
    Colleague("tomas@example.com", "Tomás Rivera", Role.ADMIN),
    Colleague("aiko@example.com", "Aiko Mori", Role.EDITOR),
    Colleague("priya@example.com", "Priya Nair", Role.VIEWER),
    Colleague("leif@example.com", "Leif Sandberg", Role.BILLING),
)
_MARA = Colleague(BAKERY.owner, BAKERY.owner_name, Role.OWNER)


def run(app: Flask) -> None:
    once(app, "a job that is done", lambda: _ask_for_a_report(BAKERY, "orders"))
    once(app, "a job that fails", lambda: _ask_for_a_report(BAKERY, UNKNOWN))
    if payments.possible(app):
        payments.bring_catalogue(app)
    _bakery(app)
    _harbour(app)
    _lumen(app)


def _bakery(app: Flask) -> None:
    """On a plan with a seat for everybody, which it has grown into."""
    finally_once(app, "the bakery's plan", lambda: _pay(app, BAKERY))
    for colleague in _TEAM:
        people.join(app, BAKERY, colleague)
    people.invite(app, BAKERY, "hannah@example.com", Role.DEVELOPER)


def _harbour(app: Flask) -> None:
    businesses.ensure(app, HARBOUR)
    people.join(app, HARBOUR, _MARA)
    if payments.possible(app):
        finally_once(app, "a trial", lambda: payments.buy(app, HARBOUR, "growth", payments.FAILS_LATER))
        finally_once(app, "a payment that fails", lambda: payments.fail(app, HARBOUR))


def _lumen(app: Flask) -> None:
    """Free, with both seats taken and room for one collection more."""
    businesses.ensure(app, LUMEN)
    people.join(app, LUMEN, _MARA)


def _pay(app: Flask, business: Business) -> None:
    if payments.possible(app):
        payments.buy(app, business, "starter", payments.WORKS)
        payments.change_plan(app, business, "growth")
    else:
        with visit(app):
            tenant = businesses.workspace(business.address).id
            grants.grant(tenant, "growth", None, actor=ACTOR, reason="The demo pays nobody but the stand-in.")


def _ask_for_a_report(business: Business, collection: str) -> None:
    tasks.ask(businesses.workspace(business.address).id, collection)
