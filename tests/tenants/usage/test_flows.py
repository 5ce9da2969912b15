"""API calls: counted in the process, written down under an id, refused when they are used up."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import OperationalError

from saas.core.database import db
from tenants.usage import flows, hours
from tenants.usage.flows import Flows
from tenants.usage.limits import API_CALLS, STORAGE
from tests.support.database import sql
from tests.support.live import eventually
from tests.support.people import Person, allow
from tests.support.threads import statements

FAILED = OperationalError("COMMIT", None, Exception("the answer was lost"))


def written(app: Flask, tenant: str) -> int:
    flows.of(app).flush()
    with app.app_context():
        return flows.used(tenant, API_CALLS)


def test_each_call_of_the_api_counts_once(app: Flask, owner: Person) -> None:
    owner.key()
    before = written(app, owner.tenant)
    for _ in range(5):
        assert owner.api("GET", "/collections").status_code == 200
    assert owner.api("GET", "/collections/none/records").status_code == 404  # it was worked on all the same
    assert written(app, owner.tenant) == before + 6
    assert written(app, owner.tenant) == before + 6  # a second flush has nothing to write


def test_calls_without_a_good_key_are_nobodys(app: Flask, owner: Person, stranger: Person) -> None:
    owner.key()
    before = written(app, owner.tenant)
    forged = owner.key()[:-1] + ("A" if owner.key()[-1] != "A" else "B")
    answer = owner.browser.request("GET", "/api/v1/collections", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
    assert stranger.api("GET", "/collections").status_code == 200
    assert written(app, owner.tenant) == before


def test_calls_that_are_refused_are_not_counted(app: Flask, owner: Person) -> None:
    """Or who has not paid would pay for being told so."""
    owner.key()
    before = written(app, owner.tenant)
    sql(app, "UPDATE platform.tenants SET standing = 'suspended' WHERE id = :t", t=owner.tenant)
    assert owner.api("GET", "/collections").status_code == 402
    assert written(app, owner.tenant) == before
    sql(app, "UPDATE platform.tenants SET standing = 'good' WHERE id = :t", t=owner.tenant)
    assert owner.api("GET", "/collections").status_code == 200
    assert written(app, owner.tenant) == before + 1


def test_when_they_are_used_up_the_api_says_so_before_and_after_they_are_written(app: Flask, owner: Person) -> None:
    owner.key()
    allow(app, owner.tenant, api_calls=written(app, owner.tenant) + 2)
    assert [owner.api("GET", "/collections").status_code for _ in range(3)] == [200, 200, 429]
    written(app, owner.tenant)
    refused = owner.api("GET", "/collections")
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:freehold:problem:calls-used-up")
    assert refused.json()["help"] == f"{owner.home}/usage"
    allow(app, owner.tenant)
    assert owner.api("GET", "/collections").status_code == 200


def lost_answer(app: Flask, tenant: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """One flush commits and its answer is lost, so that the process sends it again; returns what is written."""
    counter = Flows(app)
    counter.count(tenant, API_CALLS, 7)
    write = flows._write

    def lose(*arguments: object) -> None:
        write(*arguments)  # type: ignore[arg-type]
        raise FAILED

    with monkeypatch.context() as losing:
        losing.setattr(flows, "_write", lose)
        with pytest.raises(OperationalError):
            counter.flush()
    assert counter.pending(tenant, API_CALLS) == 7
    counter.flush()
    assert counter.pending(tenant, API_CALLS) == 0
    with app.app_context():
        return flows.used(tenant, API_CALLS)


def test_a_flush_whose_answer_was_lost_counts_once(app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lost_answer(app, owner.tenant, monkeypatch) == 7


def test_control_without_the_batchs_id_it_counts_twice(
    app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = flows._write
    monkeypatch.setattr(flows, "_write", lambda _batch, counts: write(flows.uuid4(), counts))
    assert lost_answer(app, owner.tenant, monkeypatch) == 14


def test_the_hours_add_up_to_what_is_counted(app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where what was counted in two months is written down at once, and a flush is repeated."""
    counter = Flows(app)
    for month, n in (("2000-01", 3), ("2000-02", 4)):
        monkeypatch.setattr(flows, "period", lambda month=month: month)
        counter.count(owner.tenant, API_CALLS, n)
    counter.count(owner.tenant, STORAGE, 5)
    counter.flush()
    monkeypatch.undo()
    assert by_hours(app, owner.tenant) == 7
    assert lost_answer(app, owner.tenant, monkeypatch) == 7
    assert by_hours(app, owner.tenant) == 14
    counter.count(owner.tenant, API_CALLS)
    counter.flush()
    assert by_hours(app, owner.tenant) == 15
    (row,) = sql(
        app,
        "SELECT sum(used) AS used FROM platform.usage WHERE tenant = :t AND resource = 'api_calls'",
        t=owner.tenant,
    )
    assert row.used == 15


def test_control_without_the_batchs_id_the_hours_double_too(
    app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = flows._write
    monkeypatch.setattr(flows, "_write", lambda _batch, counts: write(flows.uuid4(), counts))
    lost_answer(app, owner.tenant, monkeypatch)
    assert by_hours(app, owner.tenant) == 14


def by_hours(app: Flask, tenant: str) -> int:
    with app.app_context():
        return hours.total(tenant, API_CALLS, datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC))


def test_what_could_not_be_written_is_kept(app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Flows(app)
    counter.count(owner.tenant, API_CALLS, 3)

    def fail(*_arguments: object) -> None:
        raise FAILED

    with monkeypatch.context() as failing:
        failing.setattr(flows, "_write", fail)
        with pytest.raises(OperationalError):
            counter.flush()
    counter.count(owner.tenant, API_CALLS, 2)
    assert counter.pending(owner.tenant, API_CALLS) == 5
    counter.flush()
    counter.flush()
    with app.app_context():
        assert flows.used(owner.tenant, API_CALLS) == 5


def test_a_tenant_that_is_gone_by_then_is_left_out(app: Flask, owner: Person) -> None:
    counter = Flows(app)
    counter.count("t_aaaaaaaaaaaaaaaa", API_CALLS)
    counter.count(owner.tenant, API_CALLS)
    counter.flush()
    assert sql(app, "SELECT 1 FROM platform.usage WHERE tenant = 't_aaaaaaaaaaaaaaaa'") == []
    with app.app_context():
        assert flows.used(owner.tenant, API_CALLS) == 1


def test_many_tenants_calls_are_written_in_one_statement(app: Flask, owner: Person, stranger: Person) -> None:
    """Each statement is a round trip, during which the rows before it stay locked."""
    counter = Flows(app)
    with app.app_context():
        before = {person.tenant: flows.used(person.tenant, API_CALLS) for person in (owner, stranger)}
    for n, person in enumerate((owner, stranger, owner), start=1):
        counter.count(person.tenant, API_CALLS, n)
    counter.count(owner.tenant, STORAGE, 2**40)
    with statements(app) as seen:
        counter.flush()
    assert sum("INTO platform.usage " in statement for statement in seen) == 1
    with app.app_context():
        assert flows.used(owner.tenant, API_CALLS) == before[owner.tenant] + 4
        assert flows.used(stranger.tenant, API_CALLS) == before[stranger.tenant] + 2
        assert flows.used(owner.tenant, STORAGE) == 2**40


def test_it_is_written_by_itself_within_an_interval(app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "INTERVAL", 0.05)
    counter = Flows(app)
    counter.count(owner.tenant, API_CALLS)
    eventually(lambda: counter.pending(owner.tenant, API_CALLS) == 0)
    with app.app_context():
        assert db.session.scalar(sa.text("SELECT 1")) == 1
        assert flows.used(owner.tenant, API_CALLS) == 1
