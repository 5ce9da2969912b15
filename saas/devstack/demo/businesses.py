"""Opening a business of the demo, with its collections."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask

from saas.accounts import service as accounts
from saas.core.database import db
from saas.core.identity import Person, Workspace
from saas.core.ids import uuid7
from saas.devstack.demo.visits import ACTOR, once, visit
from saas.signup.service import SignUp, sign_up
from tenants import isolation, provisioning
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.backend.collections.design import Collection
from tenants.models import State, Tenant

Rows = Sequence[tuple[Any, ...]]  # in the order of the collection's fields


@dataclass(frozen=True)
class Business:
    name: str
    address: str
    owner: str  # the email
    owner_name: str
    contents: Sequence[tuple[Collection, Rows]]


def ensure(app: Flask, business: Business) -> str:
    """Open it, or find it as it was left; returns the tenant's id."""
    with visit(app):
        found = _find(business.address)
        if found is None:
            _sign_up(business)
    with visit(app):
        tenant, state = _find(business.address) or ("", "")
    if state == State.PREPARING:
        with visit(app):
            provisioning.provision(tenant)
    once(app, f"collections of {business.address}", lambda: _fill(tenant, business))
    return tenant


def workspace(address: str) -> Workspace:
    """As a request to it carries it."""
    found = db.session.scalars(sa.select(Tenant).where(Tenant.address == address)).one()
    return Workspace(
        found.id, found.name or "", address, found.state.value, found.opened_at, found.plan, found.standing.value, None
    )


def person(email: str) -> Person:
    """As a request of theirs carries them."""
    user = accounts.by_email(email)
    return Person(user.id, user.email, user.name, user.confirmed_at is not None, user.operator, uuid7(), None)


def _find(address: str) -> tuple[str, str] | None:
    row = db.session.execute(sa.select(Tenant.id, Tenant.state).where(Tenant.address == address)).one_or_none()
    return (row.id, row.state) if row else None


def _sign_up(business: Business) -> None:
    sign_up(SignUp(business.name, business.address, business.owner, secrets.token_urlsafe(16)))
    owner = accounts.by_email(business.owner)
    accounts.proved(owner.id)
    owner.name = business.owner_name


def _fill(tenant: str, business: Business) -> None:
    isolation.bind(tenant)
    known = {collection.name for collection in collections.every()}
    for collection, rows in business.contents:
        if collection.name in known:
            continue
        collections.create(collection, actor=ACTOR)
        for row in rows:
            names = (field.name for field in collection.fields)
            records.create(collection, dict(zip(names, row, strict=True)))
