"""What `./dev run` waits for: Demo Bakery with its records, an operator, and new ways in for whoever started it."""

import secrets

import pyotp
import sqlalchemy as sa
from flask import Flask

from saas.accounts import codes, passwords, service
from saas.accounts.models import Purpose, User
from saas.accounts.second_factor import enrolment, recovery
from saas.accounts.second_factor import service as second_factor
from saas.core.database import db
from saas.devstack.demo import businesses
from saas.devstack.demo.bakery import BAKERY
from saas.devstack.demo.visits import ACTOR, once, visit
from tenants import isolation
from tenants.backend.keys import service as keys

OPERATOR = "operator@example.com"
_KEY_LABEL = "Demo curl line"


def run(app: Flask, site: str) -> dict[str, str]:
    """Returns how to get in: two one-time links, a command line with a working key, an email with its password, and a
    code that stands in for the operator's second factor once."""
    tenant = businesses.ensure(app, BAKERY)
    once(app, "operator", _register_operator)
    with visit(app):
        isolation.bind(tenant)
        key = _new_key()
    password = secrets.token_urlsafe(9)
    with visit(app):
        service.by_email(BAKERY.owner).password_hash = passwords.make(password)
    return links(app, site) | {
        "curl": f'curl -H "Authorization: Bearer {key}" {site}/api/v1/collections/products/records',
        "email": BAKERY.owner,
        "password": password,
    }


def links(app: Flask, site: str) -> dict[str, str]:
    """More ways in; those that were made before stay good."""
    with visit(app):
        return {
            "workspace_link": site + _link(BAKERY.owner, "/workspaces"),
            "console_link": site + _link(OPERATOR, "/console"),
            "console_code": _console_code(),
        }


def _register_operator() -> None:
    if not service.exists(OPERATOR):
        service.register(OPERATOR, secrets.token_urlsafe(16), name="Olga Petrov")
    operator = service.by_email(OPERATOR)
    service.proved(operator.id)
    operator.operator = True
    db.session.flush()
    if not second_factor.enrolled(operator.id):
        person = businesses.person(OPERATOR)
        offer = enrolment.propose(person)
        enrolment.enrol(person, offer, pyotp.TOTP(offer.secret).now())


def _new_key() -> str:
    """A key can't be read again, so each start replaces the last one's."""
    for key in keys.every():
        if key.label == _KEY_LABEL:
            keys.revoke(key.id, actor=ACTOR)
    return keys.create(_KEY_LABEL, actor=ACTOR)


def _console_code() -> str:
    """Nobody has an app with the operator's secret; a recovery code opens the door as well."""
    operator = db.session.scalars(sa.select(User.id).where(User.email == OPERATOR)).one()
    return recovery.new(operator)[0]


def _link(email: str, path: str) -> str:
    user = db.session.scalars(sa.select(User).where(User.email == email)).one()
    return f"/link/{codes.issue(Purpose.LINK, user.id)}?next={path}"
