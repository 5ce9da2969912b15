"""What the back office, /metrics and the command line say of the isolation probe."""

import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from saas import app as application
from saas.cli import main
from saas.core.database import transaction
from saas.core.settings import Settings
from tenants.probe import canaries, reports, service
from tenants.probe.outcomes import Attempt, Outcome
from tenants.probe.service import Report
from tests.support import operators
from tests.support.database import application as application_of
from tests.support.database import browser, empty_database, migrate, sql
from tests.support.injection import switch_off_guard
from tests.support.pages import heading, words
from tests.support.people import Person

CLEAN = Attempt("keys", "/api/v1/collections, with one's own key", Outcome.REFUSED)
BLIND = Attempt("pages", "any page", Outcome.BLIND, "its owner does not find it either")
CROSSED = Attempt("sql", "RESET ROLE, stacked", Outcome.CROSSED, "this run's marker")


@pytest.fixture(scope="module")
def own(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """With a database in which no probe but the test's runs."""
    with application_of(empty_database(request.config, settings)) as app:
        migrate(app)
        yield app


@pytest.fixture(scope="module")
def office(own: Flask) -> Person:
    return operators.operator(own, browser(own))


@pytest.fixture(autouse=True)
def _no_report(own: Flask) -> None:
    sql(own, "DELETE FROM platform.probe_reports")


def keep(app: Flask, *attempts: Attempt) -> None:
    with app.app_context(), transaction():
        reports.keep(Report(attempts, 1.5))


def aged(app: Flask, interval: str) -> None:
    sql(app, "UPDATE platform.probe_reports SET started_at = started_at - CAST(:i AS interval),"
        " finished_at = finished_at - CAST(:i AS interval)", i=interval)  # fmt: skip


def figures(app: Flask) -> dict[str, float]:
    text = browser(app).open("/metrics").text
    return {name: float(value) for name, value in re.findall(r"^freehold_isolation_(\w+) (\S+)$", text, re.MULTILINE)}


def test_a_clean_run_is_listed_and_the_front_page_is_silent(own: Flask, office: Person) -> None:
    keep(own, CLEAN, CLEAN)
    page = office.browser.open("/console/isolation")
    assert heading(page) == "Isolation"
    assert "Nothing crossed." in words(page)
    assert "The API, with a key of one's own or a forged one 2 0 0 0" in words(page)
    assert "banner-" not in office.browser.open("/console").text
    found = figures(own)
    assert (found["crossings"], found["blind"]) == (0, 0)
    assert 0 <= found["probe_age_seconds"] < 300


def test_a_crossing_stands_red_on_every_page_of_the_back_office(own: Flask, office: Person) -> None:
    keep(own, CLEAN, CROSSED, BLIND)
    for path in ("/console", "/console/audit", "/console/jobs", "/console/isolation"):
        page = office.browser.open(path)
        assert "banner-danger" in page.text, path
        assert "1 attempt to cross between tenants succeeded" in words(page)
    assert "Crossed Injected SQL RESET ROLE, stacked This run's marker" in words(page)
    assert figures(own)["crossings"] == 1


def test_a_crossing_stays_red_for_a_day_though_later_runs_are_clean(own: Flask, office: Person) -> None:
    keep(own, CROSSED)
    aged(own, "23 hours")
    keep(own, CLEAN)
    assert "banner-danger" in office.browser.open("/console").text
    assert figures(own)["crossings"] == 0
    aged(own, "2 hours")
    keep(own, CLEAN)
    assert "banner-danger" not in office.browser.open("/console").text


@pytest.mark.parametrize(
    ("attempts", "interval", "said"),
    [
        ((CLEAN, BLIND), "0", "The isolation probe is partly blind. 1 attempt proves nothing"),
        ((CLEAN,), "1 hour", "The isolation probe has stopped."),
        ((), "0", "The isolation probe has not run yet."),
    ],
)
def test_what_proves_nothing_is_amber_on_the_front_page(
    own: Flask, office: Person, attempts: tuple[Attempt, ...], interval: str, said: str
) -> None:
    if attempts:
        keep(own, *attempts)
    aged(own, interval)
    for path in ("/console", "/console/isolation"):
        page = office.browser.open(path)
        assert "banner-warn" in page.text
        assert said in words(page)
        assert "banner-danger" not in page.text


def test_before_the_first_run_its_age_is_without_end(own: Flask) -> None:
    assert figures(own) == {"crossings": 0, "blind": 0, "probe_age_seconds": float("inf")}


def test_reports_are_kept_for_ninety_days(own: Flask) -> None:
    keep(own, CLEAN)
    aged(own, "91 days")
    keep(own, CLEAN)
    assert len(sql(own, "SELECT id FROM platform.probe_reports")) == 1


def test_canaries_are_in_no_list_and_no_count_and_the_page_leads_to_them(own: Flask, office: Person) -> None:
    before = words(office.browser.open("/console"))
    with own.app_context():
        sides = canaries.ready()
    page = office.browser.open("/console", params={"q": "canary"})
    assert "Nothing matches." in words(page)
    assert re.findall(r"\d+ workspaces?", words(office.browser.open("/console"))) == re.findall(
        r"\d+ workspaces?", before
    )
    page = office.browser.open("/console/isolation")
    for side in sides:
        assert f"/console/tenants/{side.tenant}" in page.text
        assert heading(office.browser.open(f"/console/tenants/{side.tenant}")) == f"Canary {side.sign}"


@pytest.mark.parametrize("guarded", [True, False])
def test_the_command_says_what_crossed_by_its_status(
    own: Flask, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    monkeypatch.setattr(service, "WAYS", {"sql": service.WAYS["sql"]})
    if not guarded:
        switch_off_guard(monkeypatch)
    done = probe(monkeypatch, own.extensions["freehold.settings"])
    assert done.exit_code == (0 if guarded else 1), done.output
    assert ("CROSSED by sql: RESET ROLE, stacked: this run's marker" in done.output) is not guarded
    (row,) = sql(own, "SELECT attempts, crossed > 0 AS crossed FROM platform.probe_reports")
    assert row.attempts > 50
    assert row.crossed is not guarded


@pytest.mark.parametrize(
    ("attempts", "status"), [([CLEAN], 0), ([CLEAN, BLIND], 3), ([CLEAN, BLIND, CROSSED], 1)], ids=str
)
def test_a_blind_attempt_has_a_status_of_its_own_and_a_crossing_outdoes_it(
    own: Flask, monkeypatch: pytest.MonkeyPatch, attempts: list[Attempt], status: int
) -> None:
    monkeypatch.setattr(service, "WAYS", {"all": lambda _mine, _theirs: iter(attempts)})
    done = probe(monkeypatch, own.extensions["freehold.settings"])
    assert done.exit_code == status, done.output
    assert ("BLIND by pages: any page" in done.output) is (BLIND in attempts)
    assert len(sql(own, "SELECT FROM platform.probe_reports")) == 1


def test_where_it_could_not_look_the_status_is_2_and_a_sentence_says_why(
    request: pytest.FixtureRequest, own: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = own.extensions["freehold.settings"]
    away = settings.model_copy(update={"database_url": "postgresql+psycopg2://nobody:x@127.0.0.1:1/nowhere"})
    unfit = settings.model_copy(update={"secret_key": "short"})
    for chosen, says in (
        (away, "Error: The database does not answer: "),
        (empty_database(request.config, settings), "Error: The platform's schema is at nothing, behind "),
        (unfit, "Error: The settings are not complete:\n"),
    ):
        done = probe(monkeypatch, chosen)
        assert (done.exit_code, done.output[: len(says)]) == (2, says)
    assert sql(own, "SELECT FROM platform.probe_reports") == []


def probe(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Result:
    for name, value in settings.model_dump().items():
        if value is not None:
            monkeypatch.setenv(name.upper(), str(value))
    return CliRunner().invoke(main, ["tenants", "probe"], obj=application.create_app)
