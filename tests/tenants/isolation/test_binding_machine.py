"""Steps in any order, by threads with contexts of their own: never unbound, and never the wrong tenant.

Hypothesis makes up the steps; a model says what each context is to be after each of them. The threads hand over to one
another, so that a sequence is the same each time it is run. Each control takes one defence away, which some sequence
must then show.
"""

from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

import psycopg2.extensions
import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as options
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.orm import Session

from saas.core.database import transaction
from saas.core.settings import Settings
from tenants import isolation
from tenants.isolation import IsolationError, binding, modes
from tenants.isolation.connection import Binding, Connection, Cursor
from tests.support import counts, database
from tests.support.contexts import context
from tests.support.machine.contexts import Contexts
from tests.support.machine.ways import write
from tests.tenants.isolation.conftest import Superuser, open_tenant

Tell = Callable[[str, object], None]


def machine(app: Flask) -> type[Contexts]:
    """With tenants of its own, each of which has a row from the start."""
    own = {"app": app, "mode": modes.MODES[app.extensions["freehold.settings"].tenant_isolation]}
    made = type("Contexts", (Contexts,), {**own, "tenants": [open_tenant(app) for _ in range(3)]})
    for tenant in made.tenants:
        with context(app, tenant), transaction():
            write(f"first {tenant}")
    return seed(crc32(counts.SEED.encode()))(made)


def run(made: type[Contexts], examples: int, phases: list[Phase]) -> None:
    print(f"seed {counts.SEED} (FREEHOLD_SEED)")
    chosen = options(
        max_examples=examples,
        stateful_step_count=counts.STEPS,
        phases=phases,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(made, settings=chosen)


@pytest.fixture
def pooled(settings: Settings) -> Iterator[Flask]:
    with database.application(settings, database_pool_size=3) as made:
        yield made


def test_each_context_is_its_tenants_or_nobodys_after_any_steps(
    pooled: Flask, settings: Settings, superuser: Superuser, record_property: Tell
) -> None:
    made = machine(pooled)
    run(made, counts.EXAMPLES, [Phase.generate, Phase.shrink])
    with superuser(settings) as cursor:
        for tenant in made.tenants:
            cursor.execute(f'SELECT name FROM "{tenant}".fh_collections')
            assert cursor.fetchall() == [(f"first {tenant}",)]
            cursor.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = %s", (tenant,))
            assert cursor.fetchall() == [(isolation.OWNER,)]
    print(f"steps: {made.steps}")
    record_property("tried", made.steps)
    record_property("leaks", 0)


def keep_the_tenant(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Connection, "_forget", lambda _self: None)


def bind_the_session(patch: pytest.MonkeyPatch) -> None:
    local = Binding.prefix
    patch.setattr(Binding, "prefix", lambda self, scope: local(self, scope).replace("SET LOCAL", "SET"))


def believe_what_was_told(patch: pytest.MonkeyPatch) -> None:
    """A rollback to a savepoint may undo a change of scope."""
    execute = Cursor.execute

    def careless(self: Cursor, query: Any, values: Any = None) -> None:
        if str(query).startswith("ROLLBACK TO"):
            return psycopg2.extensions.cursor.execute(self, query)
        return execute(self, query, values)

    patch.setattr(Cursor, "execute", careless)


def forget_when_entered_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(binding, "_binding", lambda session: session.info.get(binding._KEY))


def leave_out_the_binding_of(what: str) -> Callable[[pytest.MonkeyPatch], None]:
    def take_away(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(Cursor, what, getattr(psycopg2.extensions.cursor, what))

    return take_away


def leave_out_the_binding_of_named_cursors(patch: pytest.MonkeyPatch) -> None:
    execute = Cursor.execute

    def careless(self: Cursor, query: Any, values: Any = None) -> None:
        if self.name is not None:
            return psycopg2.extensions.cursor.execute(self, query, values)
        return execute(self, query, values)

    patch.setattr(Cursor, "execute", careless)


def fall_back_to_the_last(patch: pytest.MonkeyPatch) -> None:
    """As with a tenant in a global: a thread that has none gets that of whoever was there before it."""
    sound, last = binding._binding, list[Binding]()

    def careless(session: Session) -> Binding | None:
        if found := sound(session):
            last[:] = [found]
        return found or next(iter(last), None)

    patch.setattr(binding, "_binding", careless)


FAULTS = {
    "the connection keeps its tenant": keep_the_tenant,
    "the binding is the session's": bind_the_session,
    "a savepoint's rollback is not noticed": believe_what_was_told,
    "a context is not bound when entered again": forget_when_entered_again,
    "executemany is not bound": leave_out_the_binding_of("executemany"),
    "COPY is not bound": leave_out_the_binding_of("copy_expert"),
    "a server-side cursor is not bound": leave_out_the_binding_of_named_cursors,
    "an unbound context falls back to the process' last tenant": fall_back_to_the_last,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_control_some_steps_show_that_a_defence_is_missing(
    pooled: Flask, monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None], record_property: Tell
) -> None:
    made = machine(pooled)
    fault(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception, IsolationError, sa.exc.DBAPIError, psycopg2.Error)):
        run(made, counts.EXAMPLES, [Phase.generate])
    record_property("tried", made.steps)
    record_property("control leaked", 1)
