"""A connection ends after a number of tenants, since the server's process forgets none of them."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core import audit
from saas.core.audit import AuditEntry
from saas.core.database import commit, db
from saas.core.settings import Settings
from tenants import isolation
from tests.support.contexts import driver
from tests.support.database import application
from tests.tenants.isolation.conftest import open_tenant

COUNT = "SELECT count(*) FROM fh_keys"


@pytest.fixture(scope="module")
def tenants(app: Flask) -> list[str]:
    return [open_tenant(app) for _ in range(4)]


@pytest.fixture
def retiring(settings: Settings) -> Iterator[Flask]:
    with application(settings, database_pool_size=1, tenants_per_connection=3) as made:
        yield made


def test_it_is_another_process_after_three_tenants_and_not_before(retiring: Flask, tenants: list[str]) -> None:
    visits = [*tenants[:2], *tenants[:2], tenants[2], tenants[3], tenants[0]]
    pids = [serve(retiring, tenant) for tenant in visits]
    assert pids[:5] == [pids[0]] * 5
    assert pids[5] == pids[6] != pids[0]


def test_without_it_the_process_stays(settings: Settings, tenants: list[str]) -> None:
    """The control."""
    with application(settings, database_pool_size=1) as app:
        assert len({serve(app, tenant) for tenant in tenants}) == 1


def test_who_is_bound_to_none_retires_nothing(retiring: Flask) -> None:
    assert len({serve(retiring, None) for _ in range(10)}) == 1


def test_a_transaction_that_is_the_last_one_is_finished_first(retiring: Flask, tenants: list[str]) -> None:
    """And one that commits and goes on works for its tenant on whichever connection it gets."""
    for tenant in tenants[:2]:
        serve(retiring, tenant)
    with retiring.app_context():
        isolation.bind(tenants[2])
        first = backend()
        audit.record("test.retired", actor="test", tenant=tenants[2])
        db.session.flush()
        assert backend() == first
        commit()
        assert backend() != first
        noted = db.session.scalar(sa.select(sa.func.count()).where(AuditEntry.action == "test.retired"))
        assert (noted, isolation.bound()) == (1, tenants[2])


def test_what_it_remembers_is_bounded(retiring: Flask, tenants: list[str]) -> None:
    for _ in range(3):
        for tenant in tenants:
            serve(retiring, tenant)
            with retiring.app_context():
                assert len(driver(db.session()).served) <= 3


def serve(app: Flask, tenant: str | None) -> int:
    """One context's work for a tenant; returns the process id of the server that did it."""
    with app.app_context():
        if tenant:
            isolation.bind(tenant)
            db.session.execute(sa.text(COUNT))
        return backend()


def backend() -> int:
    """The guard lets no tenant ask for it; the driver was told when it connected."""
    return driver(db.session()).info.backend_pid
