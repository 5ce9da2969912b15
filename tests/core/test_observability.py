"""Health and metrics."""

import json
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from prometheus_client.core import GaugeMetricFamily

from migrations.fleet import platform_head
from saas.core import observability
from saas.core.database import transaction
from saas.core.jobs import enqueue
from saas.core.settings import Settings
from saas.devstack.browser import Browser
from tests.support.database import application, browser, empty_database, migrate, sql
from tests.support.live import ROOT, Running

# Of a document: an alert's name, and its expression, which is one line or a folded block.
ALERT = re.compile(r"- alert: (\w+).*\n\s+expr: (?:>-\n)?((?:.*\n)(?:(?!\s*(?:\w+:|- |```)).+\n)*)")
ALERTS = ("docs/provisioning.md", "docs/jobs.md", "kubernetes/README.md")
OPERATORS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool"}

NOWHERE = "postgresql+psycopg2://freehold_app:x@127.0.0.1:1/nowhere"
SITE = "https://freehold.example"


def test_a_process_is_ready_when_its_database_is_at_its_revision(browser: Browser) -> None:
    page = browser.open("/healthz/ready")
    assert (page.status, page.text) == (200, "ready\n")


def test_a_process_without_its_database_is_alive_but_not_ready(settings: Settings) -> None:
    with application(settings, database_url=NOWHERE) as app:
        assert browser(app).open("/healthz/live").text == "alive\n"
        assert browser(app).open("/healthz/ready").status == 503


def test_a_process_is_not_ready_before_the_migration_and_is_after_it(
    request: pytest.FixtureRequest, settings: Settings
) -> None:
    with application(empty_database(request.config, settings)) as app:
        page = browser(app).open("/healthz/ready")
        assert (page.status, page.text) == (
            503,
            f"not ready: the schema is at None, this code needs {platform_head()}: run `saas migrate`\n",
        )
        migrate(app)
        assert browser(app).open("/healthz/ready").text == "ready\n"


def test_an_older_schema_is_not_ready(settings: Settings) -> None:
    with application(settings) as app:
        app.extensions["freehold.platform_head"] = lambda: "9999"
        page = browser(app).open("/healthz/ready")
        assert (page.status, "this code needs 9999" in page.text) == (503, True)


def test_the_old_pods_serve_on_while_a_deploy_has_migrated_already(settings: Settings) -> None:
    with application(settings) as app:
        app.extensions["freehold.platform_head"] = lambda: "0000"
        assert browser(app).open("/healthz/ready").text == "ready\n"


def test_metrics_count_requests_by_endpoint_method_and_status(fresh: Flask) -> None:
    visitor = browser(fresh)
    for method, path in (("GET", "/"), ("GET", "/"), ("GET", "/nowhere"), ("BREW", "/"), ("POST", "/sign-in")):
        visitor.request(method, path)
    counts = dict(re.findall(r"^freehold_request_seconds_count\{(.*?)\} ([\d.]+)$", metrics(fresh), re.MULTILINE))
    assert counts == {
        'endpoint="signup.landing",method="GET",status="200"': "2.0",
        'endpoint="none",method="GET",status="404"': "1.0",
        'endpoint="none",method="other",status="405"': "1.0",  # a made-up method is not counted by name
        'endpoint="accounts.sign_in",method="POST",status="400"': "1.0",
    }
    assert "freehold_request_errors_total 0.0" in metrics(fresh)


def test_metrics_count_our_own_faults(settings: Settings) -> None:
    with application(settings, database_url=NOWHERE) as app:
        browser(app).open("/healthz/ready")
        figures = app.extensions["freehold.metrics"].registry
    assert figures.get_sample_value("freehold_request_errors_total") == 1.0


def test_metrics_tell_how_deep_and_how_old_the_queues_are(request: pytest.FixtureRequest, settings: Settings) -> None:
    with application(empty_database(request.config, settings)) as app:
        migrate(app)
        assert "freehold_jobs{" not in metrics(app)
        with app.app_context(), transaction():
            enqueue("tenants.refill")
            enqueue("tenants.refill")
        sql(app, "UPDATE platform.jobs SET run_at = now() - interval '90 seconds'")
        text = metrics(app)
    assert 'freehold_jobs{queue="slow",state="waiting"} 2.0' in text
    age = re.search(r'freehold_jobs_oldest_seconds\{queue="slow"\} ([\d.]+)', text)
    assert age
    assert 90 <= float(age[1]) < 150


def test_a_room_adds_figures_that_are_read_for_each_answer(fresh: Flask) -> None:
    seen = iter((1, 2))
    observability.measure(fresh, lambda: [GaugeMetricFamily("freehold_rooms", "Of this test", next(seen))])
    assert [re.findall(r"^freehold_rooms (\S+)$", metrics(fresh), re.MULTILINE) for _ in range(2)] == [["1.0"], ["2.0"]]


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic a-good-token", "Bearer ", "a-good-token", "Bearer ü"])
def test_metrics_with_a_token_ask_for_it(settings: Settings, header: str | None) -> None:
    with application(settings, metrics_token="a-good-token") as app:
        headers = {"Authorization": header.encode()} if header else {}
        answer = browser(app).request("GET", "/metrics", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "freehold_request" not in answer.text
        good = browser(app).request("GET", "/metrics", headers={"Authorization": "Bearer a-good-token"})
        assert "freehold_request" in good.text


def test_production_without_a_token_has_no_metrics(settings: Settings) -> None:
    with application(settings, freehold_env="production", site_url=SITE) as app:
        assert app.test_client().get("/metrics", base_url=SITE).status_code == 404
    with application(settings, freehold_env="production", site_url=SITE, metrics_token="token") as app:
        good = app.test_client().get("/metrics", base_url=SITE, headers={"Authorization": "Bearer token"})
        assert good.status_code == 200


def test_production_logs_json_and_development_for_eyes(settings: Settings) -> None:
    """In a process of its own, since logging is the whole process'."""
    import subprocess
    import sys

    script = (
        "import structlog, sys; from saas.core.settings import Settings; "
        "from saas.core.observability import configure_logging; "
        "configure_logging(Settings.model_construct(freehold_env=sys.argv[1], log_level='info')); "
        "structlog.contextvars.bind_contextvars(request_id='r1', tenant='t1'); "
        "log = structlog.get_logger(); log.info('said', n=1); log.debug('unsaid')\n"
        "password = 'hunter2'\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError as error: log.error('failed', exc_info=error)"
    )
    told = {
        env: subprocess.run([sys.executable, "-c", script, env], capture_output=True, text=True, check=True).stderr
        for env in ("production", "development")
    }
    lines = [json.loads(line) for line in told["production"].splitlines()]
    assert [line["event"] for line in lines] == ["said", "failed"]
    assert (lines[0]["request_id"], lines[0]["tenant"], lines[0]["level"], lines[0]["n"]) == ("r1", "t1", "info", 1)
    assert "ZeroDivisionError" in lines[1]["exception"]
    assert re.search(r"\[info +\] said .*n=1 .*request_id=r1 .*tenant=t1", told["development"])
    assert "ZeroDivisionError" in told["development"]
    assert "hunter2" not in "".join(told.values())


def test_a_running_web_process_is_ready(running: Running) -> None:
    assert running.browser().open("/healthz/ready").text == "ready\n"


@pytest.mark.parametrize("document", ALERTS)
def test_a_running_web_process_tells_every_metric_that_an_alert_in_the_documents_names(
    running: Running, document: str
) -> None:
    text = running.browser().open("/metrics").text
    told = set(re.findall(r"^(\w+)(?:\{.*\})? ", text, re.MULTILINE))
    named = {alert: named_in(expression) for alert, expression in alerts(document).items()}
    assert all(named.values())
    assert {alert: names - told for alert, names in named.items() if names - told} == {}
    assert named_in("max(freehold_spares) < 1") - told == {"freehold_spares"}  # the control: one that there is not


@pytest.mark.parametrize(("document", "shared"), [(ALERTS[0], "FreeholdPoolDrained"), (ALERTS[1], "FreeholdJobsWait")])
def test_an_alert_that_two_documents_give_is_the_same_in_both(document: str, shared: str) -> None:
    one, other = alerts(document), alerts("kubernetes/README.md")
    both = one.keys() & other.keys()
    assert shared in both
    assert {name: other[name] for name in both} == {name: one[name] for name in both}
    assert all((ROOT / name).read_text().count("- alert:") == len(alerts(name)) for name in ALERTS)


def alerts(document: str) -> dict[str, str]:
    """By their names, the expressions of the alerts in a document."""
    found = ALERT.findall((ROOT / document).read_text())
    return {name: " ".join(expression.split()) for name, expression in found}


def named_in(expression: str) -> set[str]:
    """The metrics of a PromQL expression: every word that is no function, operator, label or number."""
    bare = re.sub(r"\{.*?\}|\[.*?\]|\b(?:by|on)\s*\([^)]*\)", "", expression)
    return set(re.findall(r"\b[a-zA-Z_]\w*\b(?!\s*\()", bare)) - OPERATORS


@pytest.fixture
def fresh(settings: Settings) -> Iterator[Flask]:
    with application(settings) as app:
        yield app


def metrics(app: Flask) -> str:
    return browser(app).open("/metrics").text
