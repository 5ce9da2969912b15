"""Looking into the platform's tables, and databases and applications of a test's own."""

import contextlib
import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from migrations import fleet
from saas.app import create_app
from saas.core.database import db, transaction
from saas.core.settings import Settings
from saas.devstack.browser import Browser
from tenants.isolation import modes
from tests import conftest
from tests.support import live
from tests.support.wsgi import InProcess

_LINK = re.compile(r"https?://\S+")

# Ticks and spare schemas come from processes beside the test, so they are not counted.
_LEFT = {
    "users": "SELECT count(*) FROM platform.users",
    "sessions": "SELECT count(*) FROM platform.sessions",
    "codes": "SELECT count(*) FROM platform.codes",
    "memberships": "SELECT count(*) FROM platform.memberships",
    "active": "SELECT count(*) FROM platform.tenants WHERE state = 'active'",
    "preparing": "SELECT count(*) FROM platform.tenants WHERE state = 'preparing'",
    "jobs": "SELECT count(*) FROM platform.jobs WHERE tick IS NULL",
    "mails": "SELECT count(*) FROM platform.mails",
    "audit": "SELECT count(*) FROM platform.audit",
}


def sql(app: Flask, statement: str, **values: Any) -> list[Any]:
    """Run one statement as the application's role, in a transaction of its own; returns its rows."""
    with app.app_context(), transaction():
        found = db.session.execute(sa.text(statement), values)
        return list(found.all()) if found.returns_rows else []


def left(app: Flask) -> dict[str, int]:
    """How much lies in the platform's tables: the same before and after what was refused as a whole."""
    columns = ", ".join(f"({query}) AS {name}" for name, query in _LEFT.items())
    (row,) = sql(app, f"SELECT {columns}")
    return dict(row._mapping)


def more(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What has been added, by table; tables that are as before are left out."""
    return {name: after[name] - before[name] for name in before if after[name] != before[name]}


def mail(app: Flask, to: str, subject: str) -> str:
    """The text of the newest mail with this subject to somebody."""
    rows = sql(
        app,
        'SELECT text FROM platform.mails WHERE "to" = :to AND subject = :subject ORDER BY id DESC LIMIT 1',
        to=to,
        subject=subject,
    )
    assert rows, f"no mail {subject!r} to {to}"
    return str(rows[0].text)


def mailed_link(app: Flask, to: str, subject: str) -> str:
    """The link in that mail."""
    found = _LINK.search(mail(app, to, subject))
    assert found
    return found[0]


def schema_and_role(app: Flask, tenant: str) -> tuple[int, int]:
    """How many schemas and roles have the tenant's name: `whole` of one that is there, (0, 0) of one that is gone."""
    (row,) = sql(
        app,
        "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = :id),"
        " (SELECT count(*) FROM pg_roles WHERE rolname = :id)",
        id=tenant,
    )
    return tuple(row)


def whole(app: Flask) -> tuple[int, int]:
    """What `schema_and_role` says of a tenant that is there, which has a role where each has one."""
    return 1, int(not modes.MODES[app.extensions["freehold.settings"].tenant_isolation].shared)


def waits(app: Flask) -> int:
    """How many of the database's connections wait for another's lock at this moment."""
    waiting = "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted"
    return len(sql(app, f"{waiting} AND datname = current_database()"))


@contextlib.contextmanager
def application(settings: Settings, **changes: Any) -> Iterator[Flask]:
    """An application of the test's own, with some settings changed, valid or not."""
    app = create_app(settings.model_copy(update=changes))
    try:
        yield app
    finally:
        with app.app_context():
            db.engine.dispose()
        if engine := app.extensions.get("freehold.administrator"):
            engine.dispose()


def browser(app: Flask, forwarded_for: str | None = None) -> Browser:
    """A browser that calls an application in this process, from a network of its own unless one is named."""
    made = Browser(conftest.SITE, forwarded_for=forwarded_for or conftest.network())
    made.session.mount("http://", InProcess(app))
    return made


def empty_database(config: pytest.Config, settings: Settings) -> Settings:
    """A database with nothing in it, on the tests' server."""
    name = f"own_{secrets.token_hex(6)}"
    live.create_database(config.stash[conftest._URLS]["superuser"], name)
    urls = {
        field: f"{getattr(settings, field).rpartition('/')[0]}/{name}"
        for field in ("database_url", "database_admin_url")
    }
    return settings.model_copy(update=urls)


def own_login(settings: Settings) -> Settings:
    """As somebody else's application: which roles a login may take is not a matter of one database."""
    url = sa.make_url(settings.database_url)
    own = url.set(username=url.database).render_as_string(hide_password=False)
    return settings.model_copy(update={"database_url": own})


def one_role(settings: Settings) -> Settings:
    """With one role for all tenants, and a few spare ones."""
    few = {"spare_tenants_low": 4, "spare_tenants_high": 4}
    return own_login(settings).model_copy(update={"tenant_isolation": "schema", **few})


def own_queue(settings: Settings, number: int) -> str:
    """The URL of a database of Valkey's that no other worker of the tests' uses; `number` tells 1 to 3 of them apart.

    Two stacks that share one take each other's jobs from RQ, and find nothing of them in their own tables.
    """
    url, _, own = settings.redis_url.rpartition("/")
    return f"{url}/{int(own) + 16 * number}"


def migrate(app: Flask) -> list[str]:
    """Bring an application's own database to head; returns what was done."""
    with app.app_context():
        return list(fleet.migrate(app.extensions["freehold.settings"].database_url))


def skip_at_the_end_of_the_hour(app: Flask) -> None:
    """Limits are counted by the clock's hour, so a test of one must not run into the next."""
    ((second,),) = sql(app, "SELECT extract(epoch FROM clock_timestamp())::bigint % 3600")
    if second > 3600 - 60:
        pytest.skip("the clock's hour ends within a minute")
