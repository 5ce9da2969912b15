"""How a workspace stands with billing decides what is open: one rule for pages and API, tried on every route.

The tables are written by hand, so that a route that is open by a slip is noticed.
"""

import pytest
from flask import Flask

from tenants import admission, suspension
from tenants.backend.keys import service as keys
from tenants.models import Standing
from tests.support import database
from tests.support.database import sql
from tests.support.pages import heading, words
from tests.support.people import MakeBrowser, Person, sign_up
from tests.support.scene import Scene
from tests.tenants.team.conftest import confirm, invited
from tests.tenants.test_route_matrix import NEEDS

TAKES_AWAY = {
    "api.delete_record", "collections.delete", "collections.drop", "keys.revoke", "team.leave", "team.remove",
    "team.revoke",
}  # fmt: skip
ALWAYS = {"workspace.meters", "workspace.hours_csv"}
TITLES = {
    Standing.READ_ONLY: "This workspace is read-only",
    Standing.SUSPENDED: "This workspace is suspended until it is paid",
}

Tries = set[tuple[str, str]]  # endpoints and methods


def stand(app: Flask, tenant: str, standing: Standing) -> None:
    sql(app, "UPDATE platform.tenants SET standing = :s WHERE id = :t", t=tenant, s=standing.value)


def is_open(standing: Standing, endpoint: str, method: str) -> bool:
    if NEEDS[endpoint].startswith("billing.") or endpoint in ALWAYS:
        return True
    return standing is Standing.READ_ONLY and (method == "GET" or endpoint in TAKES_AWAY)


@pytest.fixture
def scene(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """With room for the things of each try, of which there is one for each route."""
    monkeypatch.setattr(keys, "MOST_KEYS", 1_000)
    owner = sign_up(app, database.browser(app))
    return Scene(app, owner, owner, twins=False)


@pytest.fixture
def _form_tokens_off(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)


def tried(scene: Scene, standing: Standing) -> tuple[Tries, Tries]:
    """All routes and methods, tried by the owner and a key of theirs: what was refused for the standing, and the rest.

    The things that are tried on are made while all is well.
    """
    bearer = {"Authorization": f"Bearer {scene.owner.key()}"}
    closed, rest = Tries(), Tries()
    for attempt, _target in scene.tries(*{name.partition(".")[0] for name in NEEDS}):
        stand(scene.app, scene.owner.tenant, standing)
        more = {"headers": bearer} if attempt.endpoint.startswith("api.") else {}
        path = scene.owner.home + attempt.path
        answer = scene.owner.browser.request(attempt.method, path, **attempt.options, **more)
        is_refused = answer.status_code == 402 and TITLES[standing] in answer.text
        (closed if is_refused else rest).add((attempt.endpoint, attempt.method))
        stand(scene.app, scene.owner.tenant, Standing.GOOD)
    return closed, rest


@pytest.mark.usefixtures("_form_tokens_off")
@pytest.mark.parametrize("standing", [Standing.READ_ONLY, Standing.SUSPENDED])
def test_each_standing_leaves_open_what_it_should_and_nothing_else(scene: Scene, standing: Standing) -> None:
    closed, rest = tried(scene, standing)
    assert len(closed | rest) > 35
    assert {each for each in closed | rest if not is_open(standing, *each)} == closed


@pytest.mark.usefixtures("_form_tokens_off")
def test_control_without_the_rule_nothing_is_closed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "check_standing", lambda *_named: None)
    closed, _rest = tried(scene, Standing.SUSPENDED)
    assert closed == set()


@pytest.mark.parametrize(
    ("standing", "code"), [(Standing.READ_ONLY, "read-only"), (Standing.SUSPENDED, "unpaid")], ids=str
)
def test_a_program_is_told_what_to_do(app: Flask, owner: Person, standing: Standing, code: str) -> None:
    owner.define("notes", body="text")
    owner.key()
    stand(app, owner.tenant, standing)
    answer = owner.api("POST", "/collections/notes/records", json={"body": "x"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (402, "application/problem+json")
    problem = answer.json()
    assert (problem["type"], problem["title"]) == (f"urn:freehold:problem:{code}", TITLES[standing])
    assert "overdue" in problem["detail"]
    assert problem["help"] == f"{owner.home}/billing"


def test_a_page_tells_what_happened_and_what_to_do(app: Flask, owner: Person) -> None:
    stand(app, owner.tenant, Standing.READ_ONLY)
    page = owner.open("/home")
    assert "This workspace is read-only, since a payment is overdue. Update the card" in words(page)
    refusal = owner.browser.send(owner.open("/team"), "/team", "email", email="new@example.com", role="editor")
    assert (refusal.status, heading(refusal)) == (402, TITLES[Standing.READ_ONLY])
    assert "/billing" in refusal.text
    stand(app, owner.tenant, Standing.SUSPENDED)
    page = owner.open("/home")
    assert (page.status, heading(page)) == (402, TITLES[Standing.SUSPENDED])
    assert "Only payments and usage are open until then" in words(page)
    assert heading(owner.open("/usage")) == "Usage"
    assert owner.open("/billing").status == 200


@pytest.mark.parametrize("standing", [Standing.PAST_DUE, Standing.READ_ONLY, Standing.SUSPENDED])
def test_the_banner_says_until_when(app: Flask, owner: Person, standing: Standing) -> None:
    stand(app, owner.tenant, standing)
    assert "2031" not in owner.open("/usage").text
    sql(app, "UPDATE platform.tenants SET standing_until = '2031-05-04 12:30+00' WHERE id = :t", t=owner.tenant)
    assert "4 May 2031, 12:30 UTC" in words(owner.open("/usage"))


def test_once_it_is_paid_everything_works_again_at_once(app: Flask, owner: Person) -> None:
    owner.define("notes", body="text")
    owner.key()
    expected = {Standing.SUSPENDED: 402, Standing.READ_ONLY: 402, Standing.PAST_DUE: 201, Standing.GOOD: 201}
    for standing, status in expected.items():
        stand(app, owner.tenant, standing)
        assert owner.api("POST", "/collections/notes/records", json={"body": "x"}).status_code == status


def test_nobody_joins_a_workspace_that_is_read_only(app: Flask, owner: Person, make_browser: MakeBrowser) -> None:
    confirm(app, owner)
    _email, link = invited(app, owner)
    browser = make_browser()
    for standing in (Standing.READ_ONLY, Standing.SUSPENDED):
        stand(app, owner.tenant, standing)
        page = browser.open(link)
        assert (page.status, heading(page)) == (409, "This workspace takes nobody new just now")
    stand(app, owner.tenant, Standing.GOOD)
    assert browser.open(link).status == 200


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (Standing.GOOD, "open"),
        (Standing.PAST_DUE, "open"),
        (Standing.READ_ONLY, "read_only"),
        (Standing.SUSPENDED, "suspended"),
    ],
)
def test_jobs_are_told_of_it(app: Flask, owner: Person, standing: Standing, told: str) -> None:
    stand(app, owner.tenant, standing)
    with app.app_context():
        assert suspension.standing(owner.tenant) == told
