"""Colleagues join: each is invited, and accepts with the link out of the mail."""

import re
import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from flask import Flask

from saas.accounts import service as accounts
from saas.core.database import db
from saas.core.mail import Mail
from saas.devstack.demo import businesses
from saas.devstack.demo.businesses import Business
from saas.devstack.demo.visits import once
from tenants.members.models import Role
from tenants.team import acceptance, invitations

_LINK = re.compile(r"/invitations/([\w-]+)")


@dataclass(frozen=True)
class Colleague:
    email: str
    name: str
    role: Role


def join(app: Flask, business: Business, colleague: Colleague) -> None:
    def act() -> None:
        _invite(business, colleague.email, colleague.role)
        secret = _secret_in_the_mail(colleague.email)
        if accounts.exists(colleague.email):
            acceptance.accept(secret, accounts.by_email(colleague.email).id, colleague.email)
        else:
            acceptance.register(secret, colleague.name, secrets.token_urlsafe(16))

    once(app, f"{colleague.email} joins {business.address}", act)


def invite(app: Flask, business: Business, email: str, role: Role) -> None:
    """Somebody who has not answered yet."""
    once(app, f"{email} is invited to {business.address}", lambda: _invite(business, email, role))


def _invite(business: Business, email: str, role: Role) -> None:
    workspace = businesses.workspace(business.address)
    invitations.invite(workspace, email, role, by=businesses.person(business.owner))
    db.session.flush()


def _secret_in_the_mail(email: str) -> str:
    newest = sa.select(Mail.text).where(Mail.to == email).order_by(Mail.id.desc()).limit(1)
    found = _LINK.search(db.session.scalars(newest).one() or "")
    if found is None:
        raise LookupError(f"the mail to {email} has no link")
    return found[1]
