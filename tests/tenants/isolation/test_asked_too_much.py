"""A tenant's statement that takes too long, or needs too much space, is ended by the server: the database is not away.

On a database of its own, in which the application's login may use a megabyte of temporary files.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from flask import Blueprint, Flask, jsonify, request
from structlog.testing import capture_logs

from saas.core.database import db
from saas.core.settings import Settings
from saas.devstack.browser import Page
from tenants import rooms
from tenants.backend.collections.models import CatalogueEntry
from tenants.members import permissions
from tenants.members.permissions import needs
from tenants.modules import Module
from tests.support import database
from tests.support.pages import heading, words
from tests.support.people import Person, sign_up
from tests.tenants.isolation.conftest import Superuser, prepare

TITLE = "This request asked for more than one may"
STATEMENTS = {
    "time": "SELECT count(*) FROM generate_series(1, 30000) a, generate_series(1, 30000) b WHERE a <> b",
    "space": "SELECT count(*) FROM"
    " (SELECT g FROM generate_series(1, 200000) g ORDER BY repeat('x', 100) || g OFFSET 1) s",
}
SENTENCES = {"time": "for longer than it may", "space": "more space for it than it may"}


def greedy(bound: str) -> Any:
    """Write something first, which must not stay."""
    db.session.add(CatalogueEntry(name=request.args["mark"], label="Half", fields=[]))
    db.session.flush()
    return jsonify(db.session.scalar(sa.text(STATEMENTS[bound])))


def unbound(bound: str) -> Any:
    db.session.execute(sa.text("SET LOCAL statement_timeout = 500") if bound == "time" else sa.text("SELECT 1"))
    return jsonify(db.session.scalar(sa.text(STATEMENTS[bound])))


@pytest.fixture(scope="module")
def narrow_settings(request: pytest.FixtureRequest, own: Settings, superuser: Superuser) -> Settings:
    made = database.empty_database(request.config, own)
    made = made.model_copy(update={"spare_tenants_low": 2, "spare_tenants_high": 2})
    with database.application(made) as app:
        prepare(app)
    url = sa.make_url(made.database_url)
    with superuser(made) as cursor:
        cursor.execute(f"ALTER ROLE {url.username} IN DATABASE {url.database} SET temp_file_limit = '1MB'")
        cursor.connection.commit()
    return made


@pytest.fixture(scope="module")
def narrow(narrow_settings: Settings) -> Iterator[Flask]:
    """A product of somebody's asks for what no route of ours does, as a page and in the API; and a page of nobody's."""
    page = Blueprint("greedy", __name__, url_prefix="/greedy")
    api = Blueprint("greedy_api", __name__, url_prefix="/greedy")
    for blueprint in (page, api):
        blueprint.add_url_rule("/<bound>", "ask", needs(permissions.RECORDS_READ)(greedy))
    with database.application(narrow_settings, database_pool_size=1) as app:
        rooms.add(app, (Module("greedy", pages=(page,), api=(api,)),))
        app.add_url_rule("/unbound/<bound>", "unbound", unbound)
        yield app


@pytest.fixture
def impatient(narrow: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(narrow.config, "STATEMENT_TIMEOUT_MS", 1_000)


@pytest.fixture(scope="module")
def person(narrow: Flask) -> Person:
    made = sign_up(narrow, database.browser(narrow))
    made.define("products", title="text")
    made.key()
    return made


@pytest.mark.parametrize("bound", ["time", "space"])
def test_whoever_asks_for_too_much_is_told_so_and_the_database_is_not_said_to_be_away(
    request: pytest.FixtureRequest, narrow: Flask, person: Person, bound: str
) -> None:
    if bound == "time":
        request.getfixturevalue("impatient")
    with capture_logs() as log:
        shown = person.browser.request("GET", f"{person.home}/greedy/{bound}?mark=half_page")
        told = person.api("GET", f"/greedy/{bound}?mark=half_api")
    expect_told(bound, shown, told)
    ours = [(line["tenant"], line["bound"]) for line in log if line["event"] == "tenant.asked_too_much"]
    assert ours == [(person.tenant, bound)] * 2
    assert "database.unavailable" not in {line["event"] for line in log}
    assert "error" not in {line["log_level"] for line in log}


def expect_told(bound: str, shown: requests.Response, told: requests.Response) -> None:
    assert (shown.status_code, heading(Page("", shown))) == (422, TITLE)
    assert (told.status_code, told.json()["title"]) == (422, TITLE)
    assert told.json()["type"] == "urn:freehold:problem:asked-too-much"
    for text in (words(Page("", shown)), told.json()["detail"]):
        assert SENTENCES[bound] in text
        assert "Nothing was changed. Ask for less at a time" in text
    for answer in (shown, told):
        assert "Retry-After" not in answer.headers  # which would say that to repeat it helps
        for word in ("statement", "temp_file_limit", "psycopg", "SELECT"):
            assert word not in answer.text


def test_nothing_of_it_stays_and_the_next_request_is_served(
    narrow: Flask, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capture_logs(), monkeypatch.context() as impatient:
        impatient.setitem(narrow.config, "STATEMENT_TIMEOUT_MS", 1_000)
        assert person.api("GET", "/greedy/time?mark=half").status_code == 422
    names = [row["name"] for row in person.api("GET", "/collections").json()["data"]]
    assert names == ["products"]
    assert person.open("/home").status == 200


def test_control_within_its_bounds_it_is_carried_out(narrow: Flask, person: Person, superuser: Superuser) -> None:
    """The same sort without the bound on its space; and what it wrote stays."""
    narrow_login = sa.make_url(narrow.extensions["freehold.settings"].database_url)
    change = f"ALTER ROLE {narrow_login.username} IN DATABASE {narrow_login.database} SET temp_file_limit = "
    for limit, status in (("'1GB'", 200), ("'1MB'", 422)):
        with superuser(narrow.extensions["freehold.settings"]) as cursor:
            cursor.execute(change + limit)
            cursor.connection.commit()
        with narrow.app_context():
            db.engine.dispose()  # a limit of a login holds from its next connection on
        with capture_logs():
            assert person.api("GET", "/greedy/space?mark=whole_" + limit.strip("'").lower()).status_code == status
    assert "whole_1gb" in {row["name"] for row in person.api("GET", "/collections").json()["data"]}


@pytest.mark.parametrize("bound", ["time", "space"])
def test_a_statement_of_nobodys_is_the_platforms_and_answered_as_ever(narrow: Flask, bound: str) -> None:
    with capture_logs() as log:
        answer = database.browser(narrow).request("GET", f"/unbound/{bound}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert [line["event"] for line in log if line["log_level"] == "error"] == ["database.unavailable"]
