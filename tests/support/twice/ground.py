"""A database in which a job is prepared, and copies of it in which the job is run: each run begins from the same."""

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest
import requests
from flask import Flask

from migrations import fleet
from saas.core.database import db
from saas.core.settings import Settings
from tenants import provisioning
from tenants.probe import canaries
from tests import conftest
from tests.support import database
from tests.support.killing import receiver
from tests.support.killing.receiver import Receiver
from tests.support.people import Person, sign_up
from tests.support.wsgi import InProcess


@dataclass(frozen=True)
class Ground:
    """Tenants share a role here: roles are the server's, of which there are no copies."""

    app: Flask  # on the database in which a job is prepared
    twin: Flask  # on its copy
    server: "psycopg2.extensions.connection"
    superuser: str  # the URL of the server, whose database is NAME
    outside: Receiver  # takes the mails of both
    owner: Person

    def begin(self) -> None:
        """Forget what was prepared and run before."""
        self._copy(_beginning(self.app), self.app)

    def twice(self) -> tuple["Place", "Place"]:
        """What is prepared by now, and the same once more."""
        self._copy(_name(self.app), self.twin)
        first, second = (Place(app, self.superuser.replace("NAME", _name(app))) for app in (self.app, self.twin))
        return first, second

    def _copy(self, original: str, to: Flask) -> None:
        for app in (self.app, self.twin):
            _let_go(app)  # a database that is copied has no connections
        with self.server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {_name(to)} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {_name(to)} TEMPLATE {original} OWNER freehold_admin")


@dataclass(frozen=True)
class Place:
    app: Flask
    url: str  # of the superuser, who sees all rows


@contextlib.contextmanager
def ready(config: pytest.Config, settings: Settings) -> Iterator[Ground]:
    """Migrated, with one business, a small pool of spare tenants and the probe's two."""
    original = database.empty_database(config, settings)
    urls = ("database_url", "database_admin_url")
    copies = original.model_copy(update={url: f"{getattr(original, url)}_copy" for url in urls})
    superuser = config.stash[conftest._URLS]["superuser"].replace("+psycopg2", "").rpartition("/")[0]
    with (
        receiver.running() as outside,
        contextlib.closing(psycopg2.connect(f"{superuser}/postgres")) as server,
        _application(original, outside) as app,
        _application(copies, outside) as twin,
    ):
        server.autocommit = True
        with app.app_context():
            for _line in fleet.migrate(original.database_url):
                pass
            provisioning.refill()
            canaries.ready()
        browser = database.browser(app)
        browser.session.mount("http://", _Apart(app))
        owner = sign_up(app, browser, "Owner & Sons")
        made = Ground(app, twin, server, f"{superuser}/NAME", outside, owner)
        _let_go(app)
        with server.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {_beginning(app)} TEMPLATE {_name(app)}")
        yield made
        for name in (_name(app), _name(twin), _beginning(app)):
            with server.cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class _Apart(InProcess):
    """Requests have contexts of their own, also where somebody has one open."""

    def send(self, *arguments: Any, **options: Any) -> requests.Response:
        return contextvars.Context().run(super().send, *arguments, **options)


def _application(settings: Settings, outside: Receiver) -> contextlib.AbstractContextManager[Flask]:
    pool = {"spare_tenants_low": 1, "spare_tenants_high": 2}
    return database.application(settings, tenant_isolation="schema", smtp_url=outside.smtp_url, **pool)


def _beginning(app: Flask) -> str:
    return f"{_name(app)}_beginning"


def _name(app: Flask) -> str:
    found: Settings = app.extensions["freehold.settings"]
    return found.database_url.rpartition("/")[2]


def _let_go(app: Flask) -> None:
    """Close what connections there are: a database that is copied has none."""
    with app.app_context():
        db.engine.dispose()
    if administrator := app.extensions.get("freehold.administrator"):
        administrator.dispose()
