"""The probe finds nothing where all defences hold, and something as soon as one is taken away."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask, g, has_request_context, jsonify

from saas.accounts import sessions
from saas.accounts.models import SignIn
from saas.console import isolation_views
from saas.core import attempts, crypto
from saas.core.database import db, transaction
from saas.core.identity import Identity
from saas.core.settings import Settings
from tenants import isolation, provisioning, routing
from tenants.backend.collections import records
from tenants.backend.collections.errors import UnknownRecord
from tenants.backend.keys import service as keys
from tenants.isolation import binding
from tenants.members import permissions
from tenants.members.models import Role
from tenants.members.permissions import needs
from tenants.probe import canaries, routes, service
from tenants.probe.outcomes import Outcome
from tenants.probe.service import Report
from tenants.probe.sides import Side
from tenants.probe.ways import caches, changes, jobs, rows, statements
from tenants.routing import binds_later, enter
from tenants.usage.flows import Flows
from tests.support import database
from tests.support.database import left, more, sql
from tests.support.injection import switch_off_guard
from tests.support.live import ROOT
from tests.tenants.isolation.conftest import Superuser

AT_LEAST = {"pages": 20, "sessions": 40, "site": 100, "keys": 30, "changes": 26, "jobs": 4, "rows": 10, "caches": 10,
            "sql": 50, "server": 18}  # fmt: skip

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(scope="module")
def app(yard: Flask) -> Flask:
    """On a database of its own: a stack that runs on the tests' common one tries its own probe there meanwhile."""
    return yard


def probed(app: Flask, *ways: str, monkeypatch: pytest.MonkeyPatch | None = None) -> Report:
    """One run, of some ways only where they are named."""
    if ways and monkeypatch:
        monkeypatch.setattr(service, "WAYS", {name: service.WAYS[name] for name in ways})
    with app.app_context():
        return service.run()


def crossed(report: Report) -> set[str]:
    return {attempt.way for attempt in report.attempts if attempt.outcome is Outcome.CROSSED}


def strays(app: Flask) -> list[str]:
    """What there is in the canaries' collections that is no marker of a run."""
    with app.app_context():
        first, second = canaries.ready()
    found = list[str]()
    for side in (first, second):
        with app.app_context():
            isolation.bind(side.tenant)
            rows = records.page(canaries.collections.get(canaries.MARKERS), after=None, limit=100).records
            found += [row["marker"] for row in rows if not re.fullmatch(f"{side.sign}-[0-9a-f]{{32}}", row["marker"])]
    return found


def test_where_all_defences_hold_each_way_is_tried_and_none_crosses(app: Flask) -> None:
    before = left(app)
    report = probed(app)
    assert report.findings() == []
    tried = {way: sum(counts.values()) for way, counts in report.ways().items()}
    assert tried.keys() == AT_LEAST.keys() == isolation_views.WAYS.keys()
    assert {way: n for way, n in tried.items() if n < AT_LEAST[way]} == {}
    assert more(before, left(app)) == {}  # it leaves nothing but its markers
    assert strays(app) == []


def test_the_document_names_each_way() -> None:
    text = (ROOT / "docs" / "probe.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == AT_LEAST.keys()


def test_the_markers_of_earlier_runs_are_cleared_away(app: Flask) -> None:
    for _ in range(canaries.KEPT + 2):
        with app.app_context():
            canaries.ready()
    with app.app_context():
        (side, _other) = canaries.ready()
        isolation.bind(side.tenant)
        collection = canaries.collections.get(canaries.MARKERS)
        assert len(records.page(collection, after=None, limit=100).records) == canaries.KEPT


# Controls: one defence away, and the way that it stands in must cross.


@pytest.fixture
def planted(yard_settings: Settings, app: Flask) -> Iterator[Flask]:
    """An application with a page and a route of its own that take the tenant from their address."""
    with database.application(yard_settings) as made:

        def anybody(tenant_id: str) -> Any:
            isolation.bind(tenant_id)
            found = records.page(canaries.collections.get(canaries.MARKERS), after=None, limit=5).records
            return jsonify([row["marker"] for row in found])

        @binds_later
        @needs(permissions.RECORDS_READ)
        def page(tenant_id: str) -> Any:
            return anybody(tenant_id)

        made.add_url_rule("/peek/<tenant_id>", "peek.page", page)
        made.add_url_rule("/look/<tenant_id>", "look.anybody", anybody)
        made.before_request_funcs.setdefault("peek", []).append(enter)
        yield made


def test_control_a_page_that_takes_the_tenant_from_its_address_crosses(
    planted: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = routes._kind
    monkeypatch.setattr(routes, "_kind", lambda rule: sound(rule) if rule.rule.endswith("/<tenant_id>") else None)
    report = probed(planted, "pages", "site", monkeypatch=monkeypatch)
    tried = {attempt.tried for attempt in report.findings()}
    assert crossed(report) >= {"pages", "site"}
    assert any(text.startswith("/peek/") for text in tried)
    assert any(text.startswith("/look/") for text in tried)


def test_control_a_session_that_is_good_on_every_host_crosses(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = routing._in_workspace

    def careless(address: str) -> Identity:
        here = sound(address)
        secret = sessions.read_cookie(sessions.WORKSPACE)
        row = db.session.execute(
            sa.select(*routing._PERSON).join(SignIn, SignIn.user_id == routing.User.id).where(*sessions.good(secret))
        ).first()
        return replace(here, person=routing._person(row) if row else None, role=Role.OWNER.value if row else None)

    monkeypatch.setattr(routing, "_in_workspace", careless)
    assert crossed(probed(app, "pages", monkeypatch=monkeypatch)) == {"sessions"}


def test_control_a_key_that_is_not_looked_up_in_its_tenant_crosses(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "verify", lambda _secret: keys.Verified(uuid4(), Role.DEVELOPER))
    report = probed(app, "keys", monkeypatch=monkeypatch)
    assert crossed(report) == {"keys"}
    assert {attempt.tried.partition(", ")[2] for attempt in report.findings()} == {
        "with its id and one's own secret on its host", "with its id and one's own secret on the bare host",
    }  # fmt: skip


def test_control_a_key_that_is_not_looked_up_lets_records_be_changed(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "verify", lambda _secret: keys.Verified(uuid4(), Role.DEVELOPER))
    report = probed(app, "changes", monkeypatch=monkeypatch)
    assert crossed(report) == {"changes"}
    assert {attempt.tried.split()[0] for attempt in report.findings()} == changes.PROVEN
    assert strays(app) == []  # it removes what was added even so


def test_control_a_record_that_is_looked_for_in_every_tenant_is_changed_with_a_key_of_ones_own(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        sides = canaries.ready()

    def anywhere(sound: Callable[..., Any]) -> Callable[..., Any]:
        def careless(*arguments: Any) -> Any:
            if not has_request_context():  # it is the probe itself that clears away
                return sound(*arguments)
            for side in sides:
                with contextlib.suppress(UnknownRecord), changes.inside(side.tenant), transaction():
                    return sound(*arguments)
            raise UnknownRecord

        return careless

    for name in ("change", "delete"):
        monkeypatch.setattr(records, name, anywhere(getattr(records, name)))
    report = probed(app, "changes", monkeypatch=monkeypatch)
    assert {attempt.tried.split()[0] for attempt in report.findings()} == {"PATCH", "DELETE"}
    assert {attempt.tried.partition(", ")[2] for attempt in report.findings()} >= {
        "with one's own key on one's own host", "with one's own key on the bare host",
    }  # fmt: skip


def test_control_a_job_that_is_bound_to_whom_its_arguments_name_crosses(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        first, _second = canaries.ready()
    monkeypatch.setitem(app.extensions, "freehold.bind", lambda _tenant: isolation.bind(first.tenant))
    assert crossed(probed(app, "jobs", monkeypatch=monkeypatch)) == {"jobs"}


def test_control_a_job_that_may_enter_a_second_tenant_crosses(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(tenant: str) -> None:
        db.session.rollback()
        db.session().info.clear()
        g.pop(binding._KEY)
        isolation.bind(tenant)

    bent = SimpleNamespace(bind=careless, IsolationError=isolation.IsolationError)
    monkeypatch.setattr(jobs, "isolation", bent)
    with app.app_context():
        first, second = canaries.ready()
        assert Outcome.CROSSED in {attempt.outcome for attempt in jobs.attempts(first, second)}


def remembered_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    sound, known = records.page, dict[str, Any]()
    monkeypatch.setattr(
        records, "page", lambda collection, **asked: known.setdefault(collection.name, sound(collection, **asked))
    )


def remembered_by_text(monkeypatch: pytest.MonkeyPatch) -> None:
    sound, known = statements._through_the_guard, dict[str, Any]()
    monkeypatch.setattr(
        caches, "_statement", lambda side: known.setdefault("text", with_session(side, sound))
    )  # fmt: skip


def with_session(side: Side, read: Callable[..., object]) -> str:
    with caches.inside(side.tenant) as session:
        return str(read(session, caches.OWN))


def counted_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Flows.count
    monkeypatch.setattr(Flows, "count", lambda self, _tenant, limit: sound(self, "", limit))
    monkeypatch.setattr(Flows, "pending", lambda self, _tenant, limit: self._counts["", limit.name, "x"] + 1)


def limited_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = attempts._count
    monkeypatch.setattr(attempts, "_count", lambda action, who, seconds: sound(action, who.split()[0], seconds))


def sealed_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    seal, unseal = crypto.seal, crypto.unseal
    monkeypatch.setattr(crypto, "seal", lambda text, _context: seal(text, ""))
    monkeypatch.setattr(crypto, "unseal", lambda sealed, _context: unseal(sealed, ""))


@pytest.mark.parametrize(
    ("plant", "tried"),
    [
        (remembered_by_name, "a table that is remembered"),
        (remembered_by_text, "a statement that is remembered"),
        (counted_for_all, "calls not yet written down"),
        (limited_for_all, "a limit's key"),
        (sealed_for_all, "a seal"),
    ],
)
def test_control_what_is_remembered_under_a_key_without_the_tenant_crosses(
    app: Flask, monkeypatch: pytest.MonkeyPatch, plant: Plant, tried: str
) -> None:
    with app.app_context():
        first, second = canaries.ready()
        plant(monkeypatch)
        found = [attempt for attempt in caches.attempts(first, second) if attempt.outcome is Outcome.CROSSED]
    assert [attempt.tried for attempt in found] == [tried]


def test_control_without_row_security_rows_and_jobs_cross(
    yard: Flask, yard_settings: Settings, superuser: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = ("jobs", "audit", "memberships", "usage", "tenants", "users")

    def row_security(word: str) -> None:
        with superuser(yard_settings) as cursor:
            for table in tables:
                cursor.execute(f"ALTER TABLE platform.{table} {word} ROW LEVEL SECURITY")
            cursor.connection.commit()

    assert probed(yard, "jobs", "rows", monkeypatch=monkeypatch).findings() == []
    row_security("DISABLE")
    try:
        report = probed(yard)
    finally:
        row_security("ENABLE")
    assert crossed(report) == {"jobs", "rows"}
    assert {attempt.tried for attempt in report.findings()} >= {
        "rows of memberships", "rows of audit", "the row of its job", "a job in its name", "its limits",
        "its owner's name",
    }  # fmt: skip


def test_control_a_right_too_many_crosses_past_the_guard_and_nowhere_else(
    yard: Flask, yard_settings: Settings, superuser: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with yard.app_context():
        first, second = canaries.ready()
    rights = f'USAGE ON SCHEMA "{second.tenant}"', f'SELECT ON "{second.tenant}".markers'
    with superuser(yard_settings) as cursor:
        for right in rights:
            cursor.execute(f'GRANT {right} TO "{first.tenant}"')
        cursor.connection.commit()
    try:
        report = probed(yard, "sql", "server", monkeypatch=monkeypatch)
    finally:
        with superuser(yard_settings) as cursor:
            for right in rights:
                cursor.execute(f'REVOKE {right} FROM "{first.tenant}"')
            cursor.connection.commit()
    assert crossed(report) == {"server"}
    assert "another schema" in {attempt.tried for attempt in report.findings()}


def test_control_without_the_guard_statements_cross(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    switch_off_guard(monkeypatch)
    report = probed(app, "sql", monkeypatch=monkeypatch)
    assert crossed(report) == {"sql"}
    assert report.count(Outcome.CROSSED) >= 10


# Blind: what proves nothing is not taken for a defence that holds.


def test_where_the_owner_finds_nothing_either_the_way_is_blind(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages, sessions and API of a suspended tenant are closed to everybody."""
    with app.app_context():
        _first, second = canaries.ready()
    sql(app, "UPDATE platform.tenants SET suspended_at = now(), suspended_reason = 'x' WHERE id = :t", t=second.tenant)
    try:
        report = probed(app, "pages", "keys", "rows", monkeypatch=monkeypatch)
    finally:
        sql(app, "UPDATE platform.tenants SET suspended_at = NULL, suspended_reason = NULL WHERE id = :t",
            t=second.tenant)  # fmt: skip
    assert {attempt.way for attempt in report.findings()} == {"pages", "sessions", "keys"}
    assert crossed(report) == set()


def test_a_marker_that_its_owner_does_not_find_leaves_every_way_blind_that_looks_for_it(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = canaries.ready
    monkeypatch.setattr(canaries, "ready", lambda: tuple(replace(side, marker="never there") for side in sound()))
    others = {"site", "rows", "changes"}  # which look for its sign or its id, or at records of their own
    report = probed(app, *service.WAYS.keys() - others, monkeypatch=monkeypatch)
    assert {attempt.way for attempt in report.findings()} == set(AT_LEAST) - others
    assert crossed(report) == set()


def test_a_way_that_fails_is_blind_and_the_others_are_tried(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_mine: Side, _theirs: Side) -> Iterator[Any]:
        yield from ()
        raise RuntimeError("on purpose")

    monkeypatch.setattr(service, "WAYS", {"keys": fails, "rows": rows.attempts})
    report = probed(app)
    assert report.ways()["keys"]["blind"] == 2
    assert report.ways()["rows"]["blind"] == 0
    assert "RuntimeError" in report.findings()[0].said


def test_a_run_ends_in_time_and_says_what_it_did_not_try(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_SECONDS", 0)
    report = probed(app)
    assert {attempt.said for attempt in report.findings()} == {"the time for one run was over"}
    assert report.count(Outcome.BLIND) == 2 * len(service.WAYS)


def test_with_one_role_for_all_tenants_nothing_crosses_either(
    request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the guard stands alone, so there is no way past it to try; without it statements cross."""
    made = database.one_role(database.empty_database(request.config, settings))
    with database.application(made) as app:
        database.migrate(app)
        with app.app_context():
            provisioning.refill()
        report = probed(app, *service.WAYS.keys() - {"site"}, monkeypatch=monkeypatch)
        assert report.findings() == []
        assert report.ways().keys() == AT_LEAST.keys() - {"site", "server"}
        switch_off_guard(monkeypatch)
        found = probed(app, "sql", monkeypatch=monkeypatch).findings()
        assert {"another schema", "another search path"} <= {attempt.tried for attempt in found}
