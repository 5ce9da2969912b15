"""Every module that MODULES_DIR or an installed package adds: its isolation, permissions and jobs, unaided.

Rows, addresses and bodies are made from its tables, routes and forms; see tests/support/modules.py.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, enqueue, registry
from saas.devstack.browser import Browser
from tenants.backend.keys import service as keys
from tenants.isolation import TenantBase
from tenants.members import permissions
from tenants.members.models import Role
from tenants.modules import Module
from tenants.usage import limits
from tests.support import database, modules
from tests.support.contexts import context
from tests.support.modules import CHANGES, Attempt, Rows
from tests.support.people import Person, join, sign_up

REFUSED = {302, 303, 401, 403, 404, 405}


@pytest.fixture
def added(app: Flask, monkeypatch: pytest.MonkeyPatch) -> tuple[Module, ...]:
    if not modules.added(app):
        pytest.skip("no module is added: name a folder in MODULES_DIR")
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)  # else forms would end at the missing token
    return modules.added(app)


@pytest.fixture
def owner(app: Flask) -> Person:
    return sign_up(app, database.browser(app))


@pytest.fixture
def stranger(app: Flask) -> Person:
    return sign_up(app, database.browser(app))


def test_a_stranger_sees_and_changes_nothing(
    app: Flask, added: tuple[Module, ...], owner: Person, stranger: Person
) -> None:
    for module in added:
        rows = modules.plant(app, module, owner.tenant)
        modules.plant(app, module, stranger.tenant)
        tried = list(modules.attempts(app, module, owner, rows))
        shown = [look for look in tried if look.method == "GET" and rows.mark in by(owner, module, look).text]
        assert shown or not modules.tables(module), f"{module.name}: no page and no route shows its owner a row"
        before = modules.holdings(app, module, owner.tenant)
        refuse(app, module, tried, rows, owner, stranger)
        assert modules.holdings(app, module, owner.tenant) == before
        changes = [attempt for attempt in tried if attempt.method in CHANGES]
        for attempt in changes:
            expect_change(app, module, attempt, owner)
        looks = [attempt for attempt in tried if attempt.method == "GET"]  # once more, when all caches are warm
        refuse(app, module, looks, rows, owner, stranger)


def refuse(app: Flask, module: Module, tried: list[Attempt], rows: Rows, owner: Person, stranger: Person) -> None:
    for attempt in tried:
        for way, answer in intrusions(app, module, attempt, owner, stranger):
            told = {secret for secret in (rows.mark, owner.email) if secret in answer.text}
            assert not told, f"{attempt} {way} ({answer.status_code}) tells {told}"
            at_home = way.endswith("their own workspace")
            assert at_home or answer.status_code in REFUSED, f"{attempt} {way}: {answer.status_code}"


def intrusions(
    app: Flask, module: Module, attempt: Attempt, owner: Person, stranger: Person
) -> Iterator[tuple[str, requests.Response]]:
    nobody, site = database.browser(app), owner.browser.site
    if modules.is_api(module, attempt):
        for way, host in (("on the owner's host", owner.home), ("by path", f"{site}/w/{owner.address}")):
            yield f"a stranger's key {way}", call(nobody, host, attempt, stranger.key())
        yield "the owner's key on a stranger's host", call(nobody, stranger.home, attempt, owner.key())
        yield (
            "no key, but the owner's cookies",
            owner.browser.request(attempt.method, f"{owner.home}/api/v1{attempt.path}", **attempt.options),
        )
        for host in (site, stranger.home):
            yield (
                "a stranger's key with the owner's ids in their own workspace",
                call(nobody, host, attempt, stranger.key()),
            )
        return
    for way, browser, host in (
        ("a stranger on the owner's host", stranger.browser, owner.home),
        ("nobody on the owner's host", nobody, owner.home),
        ("a stranger by path", stranger.browser, f"{site}/w/{owner.address}"),
        ("a stranger on the bare host", stranger.browser, site),
        ("a stranger with the owner's ids in their own workspace", stranger.browser, stranger.home),
    ):
        yield way, browser.request(attempt.method, host + attempt.path, **attempt.options)


def expect_change(app: Flask, module: Module, attempt: Attempt, owner: Person) -> None:
    """The control: what is tried does change something for who may."""
    before = modules.holdings(app, module, owner.tenant)
    answer = by(owner, module, attempt)
    assert answer.status_code < 400, f"{attempt} by the owner: {answer.status_code} {answer.text[:300]}"
    same = modules.holdings(app, module, owner.tenant) == before
    assert not same, f"{attempt} changes nothing for its owner: say in the samples of {module.name} what is sent"


def test_each_role_may_what_the_table_of_permissions_says(app: Flask, added: tuple[Module, ...], owner: Person) -> None:
    people = {role: join(app, owner, database.browser(app), role) for role in Role}
    with context(app, owner.tenant), transaction():
        for role in keys.ROLES:
            people[role].keys.append(keys.create(f"As {role}", actor="tests", role=role))
    for module in added:
        rows = modules.plant(app, module, owner.tenant)
        tried = list(modules.attempts(app, module, owner, rows))
        with app.app_context():
            needed = {attempt.endpoint: permissions.of_endpoint(attempt.endpoint) for attempt in tried}
        for role, person in people.items():
            for attempt in tried:
                if person.keys or not modules.is_api(module, attempt):
                    permission = needed[attempt.endpoint]
                    assert permission
                    refused = by(person, module, attempt).status_code == 403
                    assert refused is not permissions.may(role, permission), f"{attempt} as {role}"
            menu = person.open("/home").text
            for entry in module.menu:
                assert (f">{entry.label}</a>" in menu) is permissions.may(role, entry.permission)


def test_a_job_run_twice_and_at_the_same_time_leaves_what_one_run_leaves(
    app: Flask, added: tuple[Module, ...], owner: Person
) -> None:
    for module in added:
        count_five(app, module, owner)
        for handler in modules.handlers(module):
            rows = modules.plant(app, module, owner.tenant)
            args = modules.arguments(module, handler, rows)
            tenant = owner.tenant if handler.scope == "tenant" else None
            run(app, handler.name, args, tenant)
            once = modules.holdings(app, module, owner.tenant)
            run(app, handler.name, args, tenant)
            assert modules.holdings(app, module, owner.tenant) == once, f"{handler.name} run twice"
            both(partial(run, app, handler.name, args, tenant))
            assert modules.holdings(app, module, owner.tenant) == once, f"{handler.name} run at the same time"


def test_a_job_of_a_stranger_reaches_nothing_of_the_owners(
    app: Flask, added: tuple[Module, ...], owner: Person, stranger: Person
) -> None:
    for module in added:
        for handler in modules.handlers(module):
            if handler.scope == "tenant":
                rows = modules.plant(app, module, owner.tenant)
                before = modules.holdings(app, module, owner.tenant)
                run(app, handler.name, modules.arguments(module, handler, rows), stranger.tenant, may_fail=True)
                assert modules.holdings(app, module, owner.tenant) == before, handler.name


def test_models_and_migrations_agree(app: Flask, added: tuple[Module, ...], owner: Person) -> None:
    with app.app_context():
        inspector = sa.inspect(db.engine)
        for module in added:
            for table in modules.tables(module):
                found = {c["name"]: c["nullable"] for c in inspector.get_columns(table.name, schema=owner.tenant)}
                assert found == {column.name: column.nullable for column in table.c}, table.name
            there = {name for name in inspector.get_table_names(schema=owner.tenant) if name.startswith(module.tables)}
            assert there == {table.name for table in modules.tables(module)}
    assert set(TenantBase.metadata.tables) >= {"fh_collections", "fh_keys"}


def by(person: Person, module: Module, attempt: Attempt) -> requests.Response:
    if modules.is_api(module, attempt):
        return call(person.browser, person.home, attempt, person.key())
    return person.browser.request(attempt.method, person.home + attempt.path, **attempt.options)


def call(browser: Browser, host: str, attempt: Attempt, key: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return browser.request(attempt.method, f"{host}/api/v1{attempt.path}", headers=headers, **attempt.options)


def run(app: Flask, name: str, args: list[str], tenant: str | None, *, may_fail: bool = False) -> None:
    """As a worker does, under a lease."""
    with app.app_context(), transaction():
        job_id = str(enqueue(name, tenant, args))
        lease = {"state": JobState.LEASED, "lease": 1, "due_at": sa.func.now() + timedelta(hours=1)}
        db.session.execute(sa.update(Job).where(Job.id == job_id).values(lease))
    try:
        with app.app_context():
            registry.get(name)(job_id, 1)
    except Exception:
        if not may_fail:
            raise


def both(what: Callable[[], None]) -> None:
    threads = [threading.Thread(target=what) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def count_five(app: Flask, module: Module, owner: Person) -> None:
    """So that a job which counts down twice is seen."""
    statement = (
        "INSERT INTO platform.usage (tenant, resource, period, used) VALUES (:tenant, :name, '', 5)"
        " ON CONFLICT (tenant, resource, period) DO UPDATE SET used = 5"
    )
    for limit in limits.every():
        if limit.name.startswith(f"{module.name}."):
            database.sql(app, statement, tenant=owner.tenant, name=limit.name)
