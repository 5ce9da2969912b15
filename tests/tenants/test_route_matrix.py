"""Every route, role and method, against a table written by hand.

A route without an entry fails, and so does one more that asks for no permission.
"""

import pytest
from flask import Flask

from tenants.backend.keys import service as keys
from tenants.members import permissions
from tenants.members.models import Role
from tests.support import database, modules
from tests.support.contexts import context
from tests.support.pages import heading
from tests.support.people import Person, join, sign_up
from tests.support.scene import Scene

O, A, D, E, V, B = Role  # noqa: E741

# Whom each permission is given to. Said here once more, so that a slip of the pen in the table is noticed.
MAY = {
    "workspace.open": {O, A, D, E, V, B},
    "usage.read": {O, A, D, E, V, B},
    "team.read": {O, A, D, E, V, B},
    "team.leave": {O, A, D, E, V, B},
    "team.manage": {O, A},
    "team.own": {O},
    "records.read": {O, A, D, E, V},
    "records.write": {O, A, D, E},
    "collections.design": {O, A, D},
    "jobs.read": {O, A, D, E, V},
    "keys.manage": {O, A, D},
    "billing.read": {O, A, B},
    "billing.manage": {O, B},
}

NEEDS = {
    "api.change_record": "records.write",
    "api.collections": "records.read",
    "api.create_record": "records.write",
    "api.delete_record": "records.write",
    "api.list_records": "records.read",
    "api.nothing": "workspace.open",
    "api.read_job": "jobs.read",
    "api.read_record": "records.read",
    "billing.cancel": "billing.manage",
    "billing.change": "billing.manage",
    "billing.choose": "billing.manage",
    "billing.history": "billing.read",
    "billing.index": "billing.read",
    "billing.pay": "billing.manage",
    "billing.portal": "billing.manage",
    "billing.redeem": "billing.manage",
    "billing.resume": "billing.manage",
    "billing.returned": "billing.read",
    "billing.upcoming": "billing.read",
    "paying.card": "billing.manage",
    "paying.charged": "billing.manage",
    "paying.index": "billing.manage",
    "paying.now": "billing.manage",
    "collections.add": "records.write",
    "collections.delete": "records.write",
    "collections.drop": "collections.design",
    "collections.edit": "records.write",
    "collections.index": "records.read",
    "collections.new": "collections.design",
    "collections.show": "records.read",
    "jobs.index": "jobs.read",
    "jobs.show": "jobs.read",
    "keys.index": "keys.manage",
    "keys.revoke": "keys.manage",
    "seats.buy": "billing.manage",
    "seats.index": "billing.manage",
    "spending.agree": "billing.manage",
    "spending.index": "billing.read",
    "team.change_role": "team.manage",
    "team.index": "team.read",
    "team.invite": "team.manage",
    "team.leave": "team.leave",
    "team.member": "team.manage",
    "team.remove": "team.manage",
    "team.resend": "team.manage",
    "team.revoke": "team.manage",
    "workspace.home": "workspace.open",
    "workspace.hours_csv": "usage.read",
    "workspace.meters": "usage.read",
}

# Routes that ask for no permission of a workspace. Each has a check of its own, which its own tests look at.
WITHOUT = {
    "public": {
        "accounts.forgot", "accounts.sign_in", "entry.enter", "health.live", "health.ready", "signup.address",
        "signup.landing", "signup.new", "signup.pricing", "static",
    },
    "a secret in its path": {
        "accounts.confirm", "accounts.link", "accounts.reset", "entry.accept", "invitations.show",
        "invitations.register",
    },
    "the session's own": {"accounts.sign_out", "entry.sign_out"},
    "a person": {
        "account.end", "account.end_others", "account.index", "account.sessions", "accounts.resend",
        "invitations.accept", "tenants.issue_pass", "tenants.workspaces",
    },
    "an operator with a second factor": {
        "console.act", "console.act_on_jobs", "console.add_note", "console.ask_factor", "console.audit",
        "console.index", "console.isolation", "console.job", "console.job_list", "console.job_queues",
        "console.job_schedules", "console.recovery_codes", "console.retry_job", "console.revenue",
        "console.revenue_csv", "console.revenue_list", "console.revenue_list_csv", "console.set_up_factor",
        "console.tenant",
    },
    "a signature": {"stripe.receive"},
    "a token, outside development": {"health.metrics"},
    "development": {"design.index", "mailbox.index", "mailbox.show"},
}  # fmt: skip


def rules(app: Flask) -> set[str]:
    """All but those of added modules, which tests/tenants/test_modules_added.py tries."""
    theirs = modules.blueprints(app)
    return {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.partition(".")[0] not in theirs}


def test_each_route_has_an_entry_and_each_entry_a_route(app: Flask) -> None:
    assert rules(app) - NEEDS.keys() == set().union(*WITHOUT.values()), (
        "say in NEEDS or WITHOUT what this route asks of whom"
    )
    assert NEEDS.keys() - rules(app) == set()
    with app.app_context():
        found = {endpoint: permissions.of_endpoint(endpoint) for endpoint in rules(app)}
    assert {endpoint: needed.name for endpoint, needed in found.items() if needed} == NEEDS


def test_the_table_is_the_one_written_here(app: Flask) -> None:
    theirs = {module.name for module in modules.added(app)}
    ours = [each for each in permissions.every() if each.name.partition(".")[0] not in theirs]
    assert {each.name: set(each.roles) for each in ours} == MAY


@pytest.fixture
def scene(app: Flask) -> Scene:
    return Scene(app, sign_up(app, database.browser(app)), sign_up(app, database.browser(app)))


@pytest.fixture(autouse=True)
def _form_tokens_off(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)


def pages(app: Flask) -> list[str]:
    return sorted({name.partition(".")[0] for name in NEEDS} - {"api"})


@pytest.mark.parametrize("role", list(Role))
def test_each_role_is_let_through_where_the_table_says_so_and_nowhere_else(
    app: Flask, scene: Scene, role: Role
) -> None:
    person = scene.owner if role is Role.OWNER else join(app, scene.owner, database.browser(app), role)
    for attempt, _target in scene.tries(*pages(app)):
        if attempt.endpoint == "team.leave":  # everybody may, and is out then: tests/tenants/team
            continue
        answer = person.browser.request(attempt.method, scene.owner.home + attempt.path, **attempt.options)
        refused = answer.status_code == 403 and "Your role does not allow this" in answer.text
        assert refused == (role not in MAY[NEEDS[attempt.endpoint]]), f"{role} {attempt}: {answer.status_code}"
        assert answer.status_code < 500, f"{role} {attempt}: {answer.status_code}"


@pytest.mark.parametrize("role", keys.ROLES)
def test_a_key_may_what_its_role_may(app: Flask, scene: Scene, role: Role) -> None:
    with context(app, scene.owner.tenant) as session:
        bearer = {"Authorization": f"Bearer {keys.create('matrix', actor='tests', role=role)}"}
        session.commit()
    for attempt, _target in scene.tries("api"):
        answer = scene.owner.browser.request(
            attempt.method, scene.owner.home + attempt.path, headers=bearer, **attempt.options
        )
        refused = answer.status_code == 403
        assert refused == (role not in MAY[NEEDS[attempt.endpoint]]), f"{role} {attempt}: {answer.status_code}"
        assert refused or answer.status_code < 300, f"{role} {attempt}: {answer.status_code}"


def test_a_view_that_says_nothing_is_refused_to_the_owner_too(
    app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert heading(owner.open("/usage")) == "Usage"
    monkeypatch.setattr(permissions, "of_endpoint", lambda _endpoint: None)
    assert owner.open("/usage").status == 500
