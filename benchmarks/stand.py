"""What a benchmark stands on: a PostgreSQL of its own, the application on it, and businesses that have signed up."""

import io
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import psycopg2
from flask import Flask

from migrations import fleet
from saas.accounts import passwords
from saas.app import create_app
from saas.core.database import transaction
from saas.core.observability import configure_logging
from saas.core.settings import Settings
from saas.devstack import postgres, stack
from saas.signup.service import SignUp, sign_up
from tenants import provisioning

PASSWORD = "correct horse battery"
SITE = "http://localhost:8000"


@dataclass(frozen=True)
class Stand:
    server: postgres.Server
    settings: Settings
    app: Flask
    tenants: list[str]  # ids

    def as_superuser(self, *statements: str) -> None:
        """Run statements, each a transaction of its own."""
        connection = psycopg2.connect(dsn(self.server.superuser_url("freehold")))
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
        return (
            f"A fresh embedded PostgreSQL {version} that writes to disk (fsync on), {len(self.tenants)} tenants, on "
            f"{os.cpu_count()} cores (load average at the end: {busy:.1f})."
        )


@contextmanager
def ready(tenants: int) -> Iterator[Stand]:
    """Start everything, migrate, and have so many businesses sign up. Nothing of it stays."""
    with (
        tempfile.TemporaryDirectory(prefix="freehold-bench-", ignore_cleanup_errors=True) as folder,
        stack.services(Path(folder), fsync=True) as services,
    ):
        settings = Settings(
            freehold_env="test",
            secret_key="development-" + "b" * 40,
            site_url=SITE,
            database_url=services.postgres.url("freehold_app"),
            database_admin_url=services.postgres.url("freehold_admin"),
            redis_url=services.valkey.url,
            signups_per_hour=1_000_000,
        )
        _log_to_nowhere(settings)
        app = create_app(settings)
        with app.app_context():
            for _line in fleet.migrate(settings.database_url):
                pass
        yield Stand(services.postgres, settings, app, [open_tenant(app) for _ in range(tenants)])


def dsn(url: str) -> str:
    """SQLAlchemy's URL as the driver itself takes it."""
    return url.replace("+psycopg2", "")


def open_tenant(app: Flask) -> str:
    """A business signs up, by the services, with a spare schema; returns the tenant's id.

    Its password is not hashed, since nobody will sign in and many are needed.
    """
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
