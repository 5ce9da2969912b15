"""Fifty businesses, each with its mark in everything that is its own."""

import json
import re
from dataclasses import dataclass

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from migrations import fleet
from saas.accounts import sessions
from saas.accounts.models import User
from saas.core.administrator import administrator
from saas.core.database import db, transaction
from tenants.backend.collections import records
from tenants.backend.collections.design import Collection, Field
from tenants.backend.keys import service as keys
from tenants.isolation import schemas
from tenants.members import service as members
from tenants.members.models import Role
from tenants.models import State, Tenant
from tenants.usage import limits as known_limits
from tests.support.contexts import context

THINGS = Collection("things", "Things", (Field("title", "text", required=True),))
BULK = Collection("bulk", "Bulk", (Field("title", "text", required=True),))  # written past what counts records

# A title that is there twice is noticed by the commit only, so that a request can fail at its very end. No collection
# can ask for such a constraint, so the tables are made with the schemas.
_NO_DOUBLES = "ALTER TABLE things ADD CONSTRAINT once UNIQUE (title) DEFERRABLE INITIALLY DEFERRED;"
_ENTRY = "INSERT INTO fh_collections (id, name, label, fields) VALUES (gen_random_uuid(), '{}', '{}', '{}');"

_MARK = re.compile(r"mark-([a-z2-7]{16})-")


@dataclass(frozen=True)
class Business:
    id: str  # the tenant's
    address: str
    key: str  # of the API, which may do all that a key can
    cookie: str  # of its owner, signed in to the workspace
    record: str  # the id of a record that nobody changes

    def title(self, serial: int | str) -> str:
        return f"mark-{self.id[2:]}-{serial}"


def marks(text: str) -> set[str]:
    """The ids of the tenants whose rows a text shows."""
    return {f"t_{found}" for found in _MARK.findall(text)}


def gather(app: Flask, n: int) -> list[Business]:
    """Open `n` businesses: schemas as the administrator makes them, the rest by the services."""
    made = [schemas.new_id() for _ in range(n)]
    with app.app_context(), administrator() as connection:
        blueprint = fleet.blueprint()
        schemas.create(connection, made, blueprint.script + _tables())
        limits = {limit.name: None for limit in known_limits.every()}
        rows = [
            {"id": id_, "name": "Crowd & Sons", "address": _address(id_), "state": State.ACTIVE, "limits": limits}
            | blueprint.ledger
            for id_ in made
        ]
        connection.execute(sa.insert(Tenant), rows)
    with app.app_context(), transaction():
        cookies = {id_: _owner(id_) for id_ in made}
    return [_settle(app, id_, cookies[id_]) for id_ in made]


def _tables() -> str:
    made = ""
    for collection in (THINGS, BULK):
        fields = json.dumps(collection.fields_as_json())
        made += f"{CreateTable(collection.table).compile(dialect=postgresql.dialect())};"
        made += _ENTRY.format(collection.name, collection.label, fields)
    return made + _NO_DOUBLES


def _address(tenant: str) -> str:
    return f"crowd-{tenant[2:]}"


def _owner(tenant: str) -> str:
    """Somebody who is signed in to the workspace; returns their cookie."""
    user = User(email=f"mark-{tenant[2:]}-owner@example.com", confirmed_at=sa.func.now())
    db.session.add(user)
    db.session.flush()
    members.add(tenant, user.id, Role.OWNER)
    return f"{sessions._name(sessions.WORKSPACE)}={sessions.open_session(user.id, tenant=tenant)}"


def _settle(app: Flask, tenant: str, cookie: str) -> Business:
    with context(app, tenant) as session, transaction():
        records.create(THINGS, {"title": f"mark-{tenant[2:]}-first"})
        key = keys.create("Crowd", actor="tests", role=Role.DEVELOPER)
        record = session.scalars(sa.select(THINGS.table.c.id)).one()
    return Business(tenant, _address(tenant), key, cookie, str(record))
