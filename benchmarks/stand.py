"""What a benchmark stands on: a PostgreSQL of its own, the application on it, and businesses that have signed up."""

import io
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest import mock

import psycopg2
import sqlalchemy as sa
from flask import Flask

from benchmarks import fixture
from migrations import fleet
from saas.accounts import passwords
from saas.app import create_app
from saas.core.database import db, transaction
from saas.core.observability import configure_logging
from saas.core.settings import Settings
from saas.devstack import cluster, postgres, stack
from saas.signup.service import SignUp, sign_up
from tenants import provisioning
from tenants.models import State, Tenant

PASSWORD = "correct horse battery"
SITE = "http://localhost:8000"
MOST_SIGN_UPS = 200  # more tenants come from the fixture


@dataclass(frozen=True)
class Stand:
    server: postgres.Server
    settings: Settings
    app: Flask
    tenants: list[str]  # ids
    made_in: float | None = None  # seconds; None where they signed up, and are no fixture
    database: str = cluster.DATABASE

    def as_superuser(self, *statements: str) -> None:
        """Run statements, each a transaction of its own."""
        connection = psycopg2.connect(dsn(self.server.superuser_url(self.database)))
        connection.autocommit = True
        try:
            for statement in statements:
                connection.cursor().execute(statement)
        finally:
            connection.close()

    @property
    def how(self) -> str:
        """What it was measured on, in a sentence."""
        busy = os.getloadavg()[0]
        with psycopg2.connect(dsn(self.server.superuser_url())) as connection:
            version = connection.info.server_version // 10_000
        connection.close()
        made = f"The tenants are a fixture, which was made in {self.made_in:.0f} s." if self.made_in is not None else ""
        return (
            f"An embedded PostgreSQL {version} that writes to disk (fsync on), {len(self.tenants)} tenants, on "
            f"{os.cpu_count()} cores (load average at the end: {busy:.1f}). {made}".rstrip()
        )


@contextmanager
def ready(tenants: int) -> Iterator[Stand]:
    """Start everything, migrated, with so many tenants. Nothing of it stays, but for the fixture of many.

    Few sign up by the services. Many come from the fixture: schemas built as the pool's are, and given to
    businesses in one statement, since 10,000 people who sign up take longer than what is to be measured.
    """
    with tempfile.TemporaryDirectory(prefix="freehold-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        made_in = fixture.put(folder, tenants, partial(_filling, tenants)) if tenants > MOST_SIGN_UPS else None
        with stack.services(folder, fsync=True) as services:
            app = _migrated(_settings(services.postgres, services.valkey.url))
            known = [open_tenant(app) for _ in range(tenants)] if made_in is None else _present(app)
            yield Stand(services.postgres, app.extensions["freehold.settings"], app, known, made_in)


def beside(ground: Stand, database: str) -> Stand:
    """Another database on the same server, migrated, without tenants; it goes with the first one."""
    postgres.create_database(ground.server, database)
    urls = {
        f"database_{field}": ground.server.url(role, database)
        for field, role in (("url", cluster.APP), ("admin_url", cluster.ADMIN))
    }
    app = _migrated(ground.settings.model_copy(update=urls))
    return Stand(ground.server, app.extensions["freehold.settings"], app, [], database=database)


@contextmanager
def _filling(tenants: int, folder: Path) -> Iterator[Flask]:
    """An application whose pool is as large as the fixture. Its server need not write to disk before it stops."""
    server = postgres.start(folder, fsync=False)
    try:
        marks = {"spare_tenants_low": tenants, "spare_tenants_high": tenants}
        yield _migrated(_settings(server, "redis://127.0.0.1:1/0").model_copy(update=marks))
    finally:
        server.stop()


def _settings(server: postgres.Server, redis_url: str) -> Settings:
    return Settings(
        freehold_env="test",
        secret_key="development-" + "b" * 40,
        site_url=SITE,
        database_url=server.url("freehold_app"),
        database_admin_url=server.url("freehold_admin"),
        redis_url=redis_url,
        signups_per_hour=1_000_000,
        tenant_calls_per_second=0,  # no bound: one business after the other is all the load there is
        tenant_calls_at_once=0,
        tenant_time_share=0,
    )


def _migrated(settings: Settings) -> Flask:
    _log_to_nowhere(settings)
    app = create_app(settings)
    with app.app_context():
        for _line in fleet.migrate(settings.database_url):
            pass
    return app


def _present(app: Flask) -> list[str]:
    with app.app_context(), transaction():
        return list(db.session.scalars(sa.select(Tenant.id).where(Tenant.state == State.ACTIVE)))


def dsn(url: str) -> str:
    """SQLAlchemy's URL as the driver itself takes it."""
    return url.replace("+psycopg2", "")


def open_tenant(app: Flask, *, refill: bool = True) -> str:
    """A business signs up, by the services, with a spare schema if there is one; returns the tenant's id.

    Its password is not hashed, since nobody will sign in and many are needed.
    """
    if refill:
        with app.app_context():
            provisioning.refill()
    unique = secrets.token_hex(6)
    wanted = SignUp(f"Shop {unique}", f"shop-{unique}", f"owner-{unique}@example.com", PASSWORD)
    hashing = mock.patch.object(passwords, "make", return_value="not a hash")
    with hashing, app.test_request_context("/sign-up", base_url=SITE), transaction():
        return sign_up(wanted).tenant_id


def _log_to_nowhere(settings: Settings) -> None:
    """Log as a web process does, at its level and in its form, but for nobody to read."""
    configure_logging(settings)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(_Nowhere())


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)
