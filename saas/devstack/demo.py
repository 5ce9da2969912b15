"""A business to look at: opened through the services that a visitor uses, once; each start makes new links to it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import Flask

from saas.accounts import codes, passwords, service
from saas.accounts.models import Purpose, User
from saas.core.database import db, transaction
from saas.signup.service import SignUp, sign_up
from tenants import isolation, provisioning
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.backend.collections.design import Collection, Field
from tenants.backend.keys import service as keys
from tenants.models import State, Tenant

ADDRESS, OWNER, OPERATOR = "demo", "owner@example.com", "operator@example.com"
_ACTOR = "system"
_KEY_LABEL = "Demo curl line"

_PRODUCTS = Collection(
    "products",
    "Products",
    (
        Field("title", "text", True),
        Field("price", "number", True),
        Field("in_stock", "boolean"),
        Field("since", "date"),
    ),
)
_CUSTOMERS = Collection(
    "customers", "Customers", (Field("name", "text", True), Field("email", "text"), Field("city", "text"))
)
_ORDERS = Collection(
    "orders",
    "Orders",
    (
        Field("customer", "text", True),
        Field("product", "text", True),
        Field("quantity", "number", True),
        Field("paid", "boolean"),
    ),
)
_ROWS: tuple[tuple[Collection, tuple[tuple[Any, ...], ...]], ...] = (
    (
        _PRODUCTS,
        (
            ("Sourdough loaf", Decimal("4.80"), True, date(2025, 3, 1)),
            ("Rye bread", Decimal("4.20"), True, date(2025, 3, 1)),
            ("Butter croissant", Decimal("1.90"), True, date(2025, 5, 12)),
            ("Cinnamon roll", Decimal("2.60"), False, date(2025, 9, 3)),
            ("Apple tart", Decimal("18.50"), True, date(2026, 1, 20)),
            ("Baguette", Decimal("2.10"), True, None),
        ),
    ),
    (
        _CUSTOMERS,
        (
            ("Café Nordlicht", "hello@nordlicht.example", "Hamburg"),
            ("Amira Haddad", "amira@example.com", "Leipzig"),
            ("Hotel Seeblick", "kitchen@seeblick.example", "Konstanz"),
            ("Jonas Weber", None, "Leipzig"),
        ),
    ),
    (
        _ORDERS,
        (
            ("Café Nordlicht", "Butter croissant", Decimal(40), True),
            ("Hotel Seeblick", "Sourdough loaf", Decimal(12), True),
            ("Amira Haddad", "Apple tart", Decimal(1), False),
            ("Hotel Seeblick", "Baguette", Decimal(30), False),
        ),
    ),
)


def run(app: Flask, site: str) -> dict[str, str]:
    """Returns how to get in: two one-time links, a command line with a working key, and an email with its password."""
    with _visit(app):
        tenant = db.session.scalar(sa.select(Tenant.id).where(Tenant.address == ADDRESS))
    if tenant is None:
        tenant = _open(app)
    with _visit(app):
        isolation.bind(tenant)
        key = _new_key()
    password = secrets.token_urlsafe(9)
    with _visit(app):
        service.by_email(OWNER).password_hash = passwords.make(password)
        into_workspace, into_console = _link(OWNER, "/workspaces"), _link(OPERATOR, "/console")
    return {
        "workspace_link": site + into_workspace,
        "console_link": site + into_console,
        "curl": f'curl -H "Authorization: Bearer {key}" {site}/api/v1/collections/products/records',
        "email": OWNER,
        "password": password,
    }


def _open(app: Flask) -> str:
    with _visit(app):
        opened = sign_up(SignUp("Demo Bakery", ADDRESS, OWNER, secrets.token_urlsafe(16)))
        owner = service.by_email(OWNER)
        owner.confirmed_at = sa.func.now()
        owner.name = "Mara Lindgren"
        operator = service.register(OPERATOR, secrets.token_urlsafe(16))
        operator.confirmed_at, operator.operator = sa.func.now(), True
    with _visit(app):
        if db.session.scalar(sa.select(Tenant.state).where(Tenant.id == opened.tenant_id)) == State.PREPARING:
            provisioning.provision(opened.tenant_id)
    with _visit(app):
        isolation.bind(opened.tenant_id)
        for collection, rows in _ROWS:
            collections.create(collection, actor=_ACTOR)
            for row in rows:
                values = dict(zip((field.name for field in collection.fields), row, strict=True))
                records.create(collection, values)
    return opened.tenant_id


def _new_key() -> str:
    """A key can't be read again, so each start replaces the last one's."""
    for key in keys.every():
        if key.label == _KEY_LABEL:
            keys.revoke(key.id, actor=_ACTOR)
    return keys.create(_KEY_LABEL, actor=_ACTOR)


def _link(email: str, path: str) -> str:
    user = db.session.scalars(sa.select(User).where(User.email == email)).one()
    return f"/link/{codes.issue(Purpose.LINK, user.id)}?next={path}"


@contextmanager
def _visit(app: Flask) -> Iterator[None]:
    """One visitor's request: a context and a transaction of its own."""
    with (
        app.app_context(),
        app.test_request_context(base_url=app.extensions["freehold.settings"].site_url),
        transaction(),
    ):
        yield
