"""What the tests of bindings do and look at, in a context that is bound or not."""

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from tenants.backend.collections.models import CatalogueEntry
from tenants.isolation import modes
from tests.support.contexts import context

ENTRIES = sa.select(CatalogueEntry.name).order_by(CatalogueEntry.name)
WHERE_AM_I = sa.text("SELECT current_user, current_setting('search_path'), current_setting('statement_timeout')")
ADD = "INSERT INTO fh_collections (id, name, label, fields) VALUES (gen_random_uuid(), %s, '', '[]')"
TABLE = "CREATE TABLE made (id int PRIMARY KEY)"


def add(app: Flask, tenant: str, name: str) -> None:
    with context(app, tenant) as session:
        session.add(CatalogueEntry(name=name, label="", fields=[]))
        session.commit()


def where(session: Session) -> tuple[str, str, str]:
    return tuple(session.execute(WHERE_AM_I).one())  # type: ignore[return-value]


def inside(tenant: str) -> tuple[str, str, str]:
    return modes.current().role_of(tenant), tenant, "15s"


def login(app: Flask) -> str | None:
    return sa.make_url(app.extensions["freehold.settings"].database_url).username
