"""Another tenant's id is answered as one that never was: each route with a variable part, each method, each person.

Routes are taken from the application's own map. One whose variable part nobody has thought of fails.
"""

import re
import secrets
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
import requests
from flask import Flask
from werkzeug.routing import Rule

from tenants.backend.keys import service as keys
from tenants.members.models import Role
from tests.support import database, modules, operators
from tests.support.contexts import context
from tests.support.people import Person, join, sign_up
from tests.support.scene import Scene, Target, Try, without_name
from tests.tenants.test_route_matrix import MAY, NEEDS

# What the rooms of a workspace and its API have in their addresses is aimed at by tests/support/scene.py.
BY_SCENE = {"api", "collections", "jobs", "keys", "team"}
HERE = {
    "account.end", "console.tenant", "console.add_note", "console.act", "console.job", "console.retry_job",
    "console.act_on_jobs",
}  # fmt: skip
ELSEWHERE = {
    "accounts.reset": "a secret, tests/accounts",
    "accounts.confirm": "a secret, tests/accounts",
    "accounts.link": "a secret, tests/accounts",
    "entry.accept": "a secret, test_strangers.py",
    "invitations.show": "a secret, tests/tenants/team",
    "invitations.accept": "a secret, tests/tenants/team",
    "invitations.register": "a secret, tests/tenants/team",
    "mailbox.show": "development's, tests/core/test_development.py",
    "api.nothing": "whatever is at no address",
    "static": "files of ours",
}
_REQUEST_NUMBER = re.compile(r"\b[0-9a-f]{32}\b")


@pytest.fixture(autouse=True)
def _form_tokens_off(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a form would end at the missing token, whatever its address says."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)


@pytest.fixture(scope="module", params=[True, False], ids=["in a collection of the same name", "in one of their own"])
def scene(app: Flask, request: pytest.FixtureRequest) -> Scene:
    owner, stranger = (sign_up(app, database.browser(app)) for _ in range(2))
    return Scene(app, owner, stranger, twins=request.param)


def with_variables(app: Flask) -> list[Rule]:
    theirs = modules.blueprints(app)
    rules = (rule for rule in app.url_map.iter_rules() if rule.arguments)
    return [rule for rule in rules if rule.endpoint.partition(".")[0] not in theirs]


def test_each_route_with_a_variable_part_is_tried_somewhere(app: Flask) -> None:
    found = {rule.endpoint for rule in with_variables(app)}
    by_scene = {endpoint for endpoint in found if endpoint.partition(".")[0] in BY_SCENE} - ELSEWHERE.keys()
    assert found - by_scene == HERE | ELSEWHERE.keys(), "say who tries this route with somebody else's id"


def tries(scene: Scene, *blueprints: str) -> Iterator[tuple[Try, Target]]:
    """Those that name a thing of the owner's which the stranger does not have as well."""
    named = {rule.endpoint for rule in with_variables(scene.app) if not scene.twins or rule.arguments != {"name"}}
    for attempt, target in scene.tries(*blueprints):
        if attempt.endpoint in named:
            yield attempt, target


def never(scene: Scene, attempt: Try, target: Target) -> str:
    """The same address with ids, and where the stranger has none of it a name, that nobody ever had."""
    path = attempt.path
    for id_ in (target.record, target.key_id, target.member, target.invitation, target.job):
        path = path.replace(id_, str(uuid4()))
    return path if scene.twins else path.replace(target.collection, f"c{secrets.token_hex(8)}")


def shown(answer: requests.Response, path: str) -> tuple[object, ...]:
    """All of an answer that may tell one id from another: the id itself and the request's number are taken out."""
    text = _REQUEST_NUMBER.sub("", answer.text)
    for part in filter(None, path.split("/")):
        if any(letter.isdigit() for letter in part):
            text = text.replace(part, "ID")
    told = {"Location", "Content-Type", "Content-Length", "Allow"}
    headers = {name: value for name, value in answer.headers.items() if name in told}
    return answer.status_code, headers, text, set(answer.cookies.keys()) - {"fh-form"}


def ask(person: Person, attempt: Try, path: str, host: str, **headers: str) -> requests.Response:
    return person.browser.request(attempt.method, host + path, headers=headers, **attempt.options)


def expect_no_difference(scene: Scene, attempt: Try, target: Target, person: Person, host: str, **headers: str) -> int:
    """Returns the status of all answers."""
    other = never(scene, attempt, target)
    statuses = set()
    for asked in attempt.with_head():
        theirs, nobodys = (ask(person, asked, path, host, **headers) for path in (attempt.path, other))
        assert not scene.told(theirs, target), f"{asked}: {theirs.text}"
        assert shown(theirs, attempt.path) == shown(nobodys, other), f"{asked} tells that there is something"
        statuses.add(theirs.status_code)
    (status,) = statuses
    return status


def expect_control(scene: Scene, attempt: Try, target: Target, host: str, before: list[str], **headers: str) -> None:
    """The owner's own request shows the mark or changes something."""
    for asked in reversed(attempt.with_head()):
        answer = ask(scene.owner, asked, attempt.path, host, **headers)
        assert answer.status_code in {200, 201, 204, 303}, f"{asked} by the owner: {answer.status_code} {answer.text}"
    if attempt.method == "GET":
        assert target.mark in without_name(answer.text, target), f"{attempt} does not show its owner the mark"
    else:
        assert scene.holdings() != before, f"{attempt} changes nothing for its owner"


def test_a_foreign_id_is_answered_as_one_that_never_was(app: Flask, scene: Scene) -> None:
    """To a stranger and their teammate, in their workspace; and to a teammate of the owner's who may too little."""
    mate, viewer = (
        join(app, person, database.browser(app), role)
        for person, role in ((scene.stranger, Role.EDITOR), (scene.owner, Role.VIEWER))
    )
    tried = refused = 0
    for attempt, target in tries(scene, *BY_SCENE - {"api"}):
        before, roles = scene.holdings(), MAY[NEEDS[attempt.endpoint]]
        assert expect_no_difference(scene, attempt, target, scene.stranger, scene.stranger.home) == 404, attempt
        status = expect_no_difference(scene, attempt, target, mate, scene.stranger.home)
        assert status == (404 if Role.EDITOR in roles else 403), attempt
        if Role.VIEWER not in roles:
            assert expect_no_difference(scene, attempt, target, viewer, scene.owner.home) == 403, attempt
            refused += 1
        assert scene.holdings() == before, f"{attempt} has changed something of the owner's"
        expect_control(scene, attempt, target, scene.owner.home, before)
        tried += 1
    assert tried >= (8 if scene.twins else 13)
    assert refused >= tried - 3


def test_the_api_answers_a_foreign_id_as_one_that_never_was(app: Flask, scene: Scene) -> None:
    with context(app, scene.stranger.tenant) as session:
        weak = f"Bearer {keys.create('weak', actor='tests', role=Role.VIEWER)}"
        session.commit()
    tried = 0
    for attempt, target in tries(scene, "api"):
        before, writes = scene.holdings(), attempt.method != "GET"
        for host in (scene.stranger.home, scene.stranger.browser.site):
            own = {"Authorization": f"Bearer {scene.stranger.key()}"}
            assert expect_no_difference(scene, attempt, target, scene.stranger, host, **own) == 404, attempt
            status = expect_no_difference(scene, attempt, target, scene.stranger, host, Authorization=weak)
            assert status == (403 if writes else 404), attempt
        assert scene.holdings() == before, f"{attempt} has changed something of the owner's"
        host = secrets.choice([scene.owner.home, scene.owner.browser.site])
        expect_control(scene, attempt, target, host, before, Authorization=f"Bearer {target.key}")
        tried += 1
    assert tried >= (3 if scene.twins else 5)


def test_somebody_elses_session_is_not_ended(app: Flask) -> None:
    owner, stranger = (sign_up(app, database.browser(app)) for _ in range(2))
    (row,) = database.sql(
        app,
        "SELECT s.id FROM platform.sessions s JOIN platform.users u ON u.id = s.user_id"
        " WHERE u.email = :email AND s.tenant IS NULL",
        email=owner.email,
    )
    paths = [f"/account/sessions/{id_}/end" for id_ in (row.id, uuid4())]
    theirs, nobodys = (stranger.browser.request("POST", stranger.browser.site + path) for path in paths)
    assert shown(theirs, paths[0]) == shown(nobodys, paths[1])
    assert owner.open("/home").status == 200
    owner.browser.request("POST", owner.browser.site + paths[0])  # the control
    assert owner.browser.request("GET", f"{owner.home}/home").status_code == 302


def test_the_back_office_is_nowhere_for_all_but_operators(app: Flask) -> None:
    owner, stranger = (sign_up(app, database.browser(app)) for _ in range(2))
    operator = operators.operator(app, database.browser(app))
    job = UUID(Scene(app, owner, stranger).target().job)
    tried = set()
    for rule in with_variables(app):
        for method in (rule.methods or set()) - {"OPTIONS"} if rule.endpoint.startswith("console.") else ():
            paths = [console(app, rule, *one) for one in ((owner.tenant, job), (f"t_{'a' * 16}", uuid4()))]
            for person in (stranger, owner):
                theirs, nobodys = (person.browser.request(method, person.browser.site + path) for path in paths)
                assert theirs.status_code == 404, f"{method} {rule}: {theirs.status_code}"
                assert shown(theirs, paths[0]) == shown(nobodys, paths[1]), f"{method} {rule}"
            if method == "GET":  # the control
                assert [operator.browser.open(path).status for path in paths] == [200, 404], rule
            tried.add(rule.endpoint)
    assert tried == {endpoint for endpoint in HERE if endpoint.startswith("console.")}


def console(app: Flask, rule: Rule, tenant: str, job: UUID) -> str:
    name = "dismiss" if "subject" in rule.arguments else "suspend"
    values = {"tenant_id": tenant, "name": name, "job_id": job, "subject": str(job)}
    with app.test_request_context():
        return app.url_map.bind("localhost").build(rule.endpoint, {name: values[name] for name in rule.arguments})
