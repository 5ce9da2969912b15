"""Who asks for which workspace is the application's to ask: a bound tenant can't call the function that says it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest
from flask import Flask

from saas.core.settings import Settings
from tenants.isolation import StatementRefused, functions, guard
from tenants.isolation.modes import MODES
from tests.support import database
from tests.support.contexts import context, driver
from tests.support.people import sign_up
from tests.tenants.isolation.conftest import Superuser

SHOWN = "SELECT email FROM platform.identify_2(%s, %s, '5 minutes', 2)"
GRANT = "GRANT EXECUTE ON FUNCTION platform.identify_2 TO fh_tenant"
DEFINER = "ALTER FUNCTION platform.identify_2 SECURITY DEFINER"


@dataclass
class Neighbours:
    """A tenant, and what it would have to know of another one to learn who uses it."""

    tenant: str
    address: str
    digest: bytes
    email: str

    @property
    def values(self) -> tuple[str, bytes]:
        return self.address, self.digest


@pytest.fixture(scope="module")
def solo(solo_in_both: Flask) -> Flask:
    return solo_in_both


@pytest.fixture(scope="module")
def neighbours(solo: Flask) -> Neighbours:
    mine, theirs = (sign_up(solo, database.browser(solo)) for _ in range(2))
    with solo.app_context():
        sessions_of = (
            "SELECT secret_digest, address FROM platform.sessions s JOIN platform.tenants t ON t.id = s.tenant"
        )
        (row,) = database.sql(solo, f"{sessions_of} WHERE t.id = :tenant", tenant=theirs.tenant)
    return Neighbours(mine.tenant, row.address, bytes(row.secret_digest), theirs.email)


def test_control_the_application_learns_from_it_who_asks(solo: Flask, neighbours: Neighbours) -> None:
    with context(solo) as session, driver(session).cursor() as cursor:
        cursor.execute(SHOWN, neighbours.values)
        assert cursor.fetchall() == [(neighbours.email,)]
        cursor.execute(SHOWN, (neighbours.address, b"somebody else's"))
        assert cursor.fetchall() == [(None,)]
        cursor.execute(SHOWN, ("nobodys", neighbours.digest))
        assert cursor.fetchall() == []


def test_the_guard_refuses_a_bound_tenant_the_call(
    solo: Flask, neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    with context(solo, neighbours.tenant) as session, driver(session).cursor() as cursor:
        with pytest.raises(StatementRefused, match=r"platform\.identify_2"):
            cursor.execute(SHOWN, neighbours.values)
        # The control: only the list of functions stands between this statement and the server, which refuses it too.
        monkeypatch.setattr(functions, "_admitted", {"platform.identify_2"})
        guard.admit()
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="function identify_2"):
            cursor.execute(SHOWN, neighbours.values)
    monkeypatch.undo()
    guard.admit()  # forgets the verdicts


@pytest.mark.parametrize(
    ("taken_away", "refused"),
    [((), "function identify_2"), ((GRANT,), "table"), ((DEFINER,), "function identify_2"), ((GRANT, DEFINER), None)],
    ids=["neither", "the grant", "the invoker's rights", "control: both"],
)
def test_the_server_refuses_it_twice_over(
    own: Settings, superuser: Superuser, neighbours: Neighbours, taken_away: tuple[str, ...], refused: str | None
) -> None:
    """Who may not call it, and who may not read the tables; it acts with the rights of whoever calls it."""
    role = MODES[own.tenant_isolation].role_of(neighbours.tenant)
    with superuser(own) as cursor:
        for statement in taken_away:
            cursor.execute(statement)
        cursor.execute(f'SET LOCAL ROLE "{role}"; SET LOCAL search_path = "{neighbours.tenant}"')
        with _refused(refused):
            cursor.execute(SHOWN, neighbours.values)
            assert cursor.fetchall() == [(neighbours.email,)]


@contextlib.contextmanager
def _refused(what: str | None) -> Iterator[Any]:
    if what is None:
        yield
    else:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match=f"permission denied for {what}"):
            yield


@pytest.mark.parametrize("name", ["identify", "identify_2"])  # the first is the one of the release before
def test_only_the_application_may_call_it(solo: Flask, name: str) -> None:
    rows = database.sql(
        solo,
        "SELECT coalesce(rolname, 'PUBLIC') AS who FROM pg_proc CROSS JOIN aclexplode(proacl) a"
        " LEFT JOIN pg_roles r ON r.oid = a.grantee"
        " WHERE proname = :name AND pronamespace = 'platform'::regnamespace",
        name=name,
    )
    assert {row.who for row in rows} == {"freehold_admin", "fh_app"}
