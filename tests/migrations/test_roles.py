"""What the administrator sets up around the migrations, and which databases are unfit."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from migrations import fleet
from migrations.roles import DatabaseUnfit
from saas.core.settings import Settings
from tests import conftest
from tests.support.database import application, empty_database, migrate, sql


@pytest.fixture
def empty(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    with application(empty_database(request.config, settings)) as app:
        yield app


def test_an_unfit_login_is_refused_and_nothing_is_made(request: pytest.FixtureRequest, empty: Flask) -> None:
    own: Settings = empty.extensions["freehold.settings"]
    superuser = request.config.stash[conftest._URLS]["superuser"]
    unfit = {
        own.database_admin_url or "": "name the same user",
        superuser: "is a superuser or bypasses row security",
        "postgresql+psycopg2://127.0.0.1/x": "names no user",
    }
    with empty.app_context():
        for url, message in unfit.items():
            with pytest.raises(DatabaseUnfit, match=message):
                list(fleet.migrate(url))
    assert sql(empty, "SELECT 1 FROM pg_namespace WHERE nspname = 'platform'") == []


def test_a_run_on_an_empty_database_says_what_it_did_and_the_next_has_nothing_to_do(empty: Flask) -> None:
    assert migrate(empty) == [f"platform: nothing → {fleet.platform_head()}"]
    assert migrate(empty) == []


def test_the_applications_login_is_told_nothing_it_does_not_need(app: Flask) -> None:
    """The groups carry the rights; the login has none of its own, owns nothing, and inherits no tenant's."""
    ((superuser, creates, bypasses, inherits),) = sql(
        app, "SELECT rolsuper, rolcreaterole, rolbypassrls, rolinherit FROM pg_roles WHERE rolname = current_user"
    )
    assert (superuser, creates, bypasses, inherits) == (False, False, False, False)
    assert sql(app, "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = current_user") == []
    for statement in ("CREATE TABLE public.x (id int)", "CREATE TEMPORARY TABLE x (id int)", "CREATE SCHEMA x"):
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            sql(app, statement)


def test_audit_rows_can_be_added_but_neither_changed_nor_removed(app: Flask) -> None:
    for statement in ("UPDATE platform.audit SET actor = 'x'", "DELETE FROM platform.audit", "TRUNCATE platform.audit"):
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            sql(app, statement)
