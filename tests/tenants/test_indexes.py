"""Spare schemas and businesses that wait for one are found by an index, however many businesses there are.

The controls ask the same without what makes the index fit, and read the whole table.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core.administrator import administrator
from saas.core.database import db
from saas.core.settings import Settings
from tenants import building, pool, provisioning
from tenants.isolation import schemas
from tenants.models import State, Tenant
from tests.support import database
from tests.support.people import unique

SPARES, WAITING, BUSINESSES = 3, 3, 3_000
ALL = "Seq Scan on tenants"

Work = Callable[[], object]


@pytest.fixture(scope="module")
def crowded(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """Of a database where all were spares when the server last made its statistics, and nearly all are taken by now."""
    with database.application(database.empty_database(request.config, settings)) as app:
        database.migrate(app)
        with app.app_context(), administrator() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {Tenant.__table__} SET (autovacuum_enabled = false)")
            ids = [schemas.new_id() for _ in range(BUSINESSES + SPARES)]
            rows = [{"id": made, "state": State.SPARE, "revision": "0001"} for made in ids]
            connection.execute(sa.insert(Tenant), rows)
            connection.exec_driver_sql(f"ANALYZE {Tenant.__table__}")
            taken = sa.update(Tenant).where(Tenant.id.in_(ids[SPARES:]))
            connection.execute(taken.values(state=State.ACTIVE, address=sa.func.replace(Tenant.id, "_", "-")))
            connection.execute(sa.insert(Tenant), [waiting() for _ in range(WAITING)])
            connection.execute(sa.update(Tenant).where(Tenant.state == State.PREPARING).values(opened_at=sa.func.now()))
        yield app


def waiting() -> dict[str, Any]:
    return {"id": schemas.new_id(), "state": State.PREPARING, "address": unique()}


def plans(app: Flask, work: Work, *, analyzed: bool, without: str = "") -> str:
    """How the server would run what `work` asks of tenants, `without` some words, undone afterwards."""
    asked: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, statement: str, values: Any, *_more: object) -> None:
        if "platform.tenants" in statement:
            asked.append((statement, values))

    with app.app_context():
        sa.event.listen(sa.Engine, "before_cursor_execute", listen)
        try:
            work()
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", listen)
        with administrator() as connection:
            if analyzed:
                connection.exec_driver_sql(f"ANALYZE {Tenant.__table__}")
            explained = [
                connection.exec_driver_sql(f"EXPLAIN {text.replace(without, '')}", values) for text, values in asked
            ]
            found = "\n".join(line for rows in explained for (line,) in rows)
            connection.rollback()
    assert found
    return found


def claim() -> None:
    provisioning.claim("Test & Sons", unique())


ORDER = " ORDER BY platform.tenants.id"


@pytest.mark.parametrize("analyzed", [False, True], ids=["statistics of long ago", "of now"])
def test_a_claim_goes_by_the_index_of_spares_whatever_the_statistics_say(crowded: Flask, analyzed: bool) -> None:
    plan = plans(crowded, claim, analyzed=analyzed)
    assert "tenants_spare_ix" in plan
    assert ALL not in plan


def test_control_without_its_order_a_claim_reads_all_tenants_until_new_statistics_are_made(crowded: Flask) -> None:
    assert ALL in plans(crowded, claim, analyzed=False, without=ORDER)


def take() -> None:
    first = provisioning._waiting()[0]
    with administrator() as connection:
        building._take(connection, first, building.BATCH)


@pytest.mark.parametrize(
    ("work", "indexes"),
    [
        (provisioning._waiting, {"tenants_preparing_ix"}),
        (take, {"tenants_preparing_ix"}),
        (pool.standing, {"tenants_preparing_ix", "tenants_spare_ix"}),
        (lambda: provisioning._fill(0.0), {"tenants_spare_ix"}),
    ],
    ids=["those that wait", "a batch of them", "how the pool stands", "what it lacks"],
)
def test_the_pool_is_looked_at_by_its_indexes(crowded: Flask, work: Work, indexes: set[str]) -> None:
    plan = plans(crowded, work, analyzed=True)
    assert set(re.findall(r"tenants_\w+_ix", plan)) == indexes
    assert ALL not in plan


@pytest.mark.parametrize("state", [State.SPARE, State.PREPARING])
def test_control_together_with_another_state_all_tenants_are_read(crowded: Flask, state: State) -> None:
    def look() -> None:
        db.session.scalars(sa.select(Tenant.id).where(Tenant.state.in_([state, "another"]))).all()

    assert ALL in plans(crowded, look, analyzed=True)
