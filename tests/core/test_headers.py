"""Security headers."""

from collections.abc import Iterator

import pytest
from flask import Flask

from saas.core.settings import Settings
from saas.devstack.browser import Browser
from tests.support.database import application
from tests.support.people import Person

PATHS = ["/", "/sign-up", "/sign-up/address?business=x", "/nowhere", "/api/v1/collections", "/api/nowhere", "/console"]
POLICY = {
    "default-src": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
    "form-action": "'self' http://localhost:8000 http://*.localhost:8000",
}


@pytest.mark.parametrize("path", [*PATHS, "/static/app.js", "/healthz/live"])
def test_pages_and_errors_carry_the_strict_policy(settings: Settings, browser: Browser, path: str) -> None:
    headers = browser.request("GET", path).headers
    policy = dict(rule.strip().split(" ", 1) for rule in headers["Content-Security-Policy"].split(";"))
    assert policy == POLICY | {"form-action": f"{POLICY['form-action']} {settings.stripe_api_url}"}
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in headers
    assert "X-Powered-By" not in headers


@pytest.mark.parametrize("path", PATHS)
def test_nothing_but_static_files_is_kept_by_caches(browser: Browser, path: str) -> None:
    assert browser.request("GET", path).headers["Cache-Control"] == "no-store"
    assert browser.request("GET", "/static/app.js").headers["Cache-Control"] != "no-store"


def test_a_workspaces_pages_are_as_strict(regular: Person) -> None:
    for path in ("/home", "/collections", "/keys", "/collections/new", "/collections/nothing"):
        headers = regular.open(path).response.headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self'; base-uri 'none';")
        assert headers["Cache-Control"] == "no-store"


def test_a_refused_form_is_as_strict(browser: Browser) -> None:
    headers = browser.request("POST", "/sign-in").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"


def test_production_asks_for_tls_from_now_on(settings: Settings, production: Flask) -> None:
    client = production.test_client()
    for path in ("/", "/nowhere", "/static/app.js"):
        with client.get(path, base_url="https://freehold.example") as answer:
            headers = answer.headers
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
        assert (
            "form-action 'self' https://freehold.example https://*.freehold.example"
            in headers["Content-Security-Policy"]
        )


@pytest.mark.parametrize(
    ("changes", "origins"),
    [
        ({"stripe_api_url": None}, " https://checkout.stripe.com https://billing.stripe.com"),
        ({"stripe_api_url": "http://127.0.0.1:1"}, " http://127.0.0.1:1"),
        ({"stripe_secret_key": None}, ""),
    ],
    ids=["Stripe itself", "the stand-in", "no payments"],
)
def test_forms_may_lead_to_where_one_pays_and_nowhere_else(
    settings: Settings, changes: dict[str, str | None], origins: str
) -> None:
    with application(settings, **changes) as app, app.test_client() as client:
        policy = client.get("/", base_url="http://localhost:8000").headers["Content-Security-Policy"]
    assert policy.rpartition("; ")[2] == f"form-action {POLICY['form-action']}{origins}"


@pytest.fixture
def production(settings: Settings) -> Iterator[Flask]:
    with application(settings, freehold_env="production", site_url="https://freehold.example") as app:
        yield app
