"""What an operator does in a terminal."""

import pytest
from flask import Flask

from saas.core.settings import Settings
from tests.support.command_line import Run, ready
from tests.support.database import browser as browser_of
from tests.support.operators import enrol, newcomer
from tests.support.pages import heading
from tests.support.people import sign_in


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Run:
    return ready(monkeypatch, settings)


def test_a_lost_second_factor_is_taken_away(app: Flask, run: Run) -> None:
    person = newcomer(app, browser_of(app))
    enrol(person.browser)
    first, again = (run("users", "reset-second-factor", person.email.upper()) for _ in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0), first.output
    assert "sets up a second factor anew" in first.output
    assert "had no second factor" in again.output
    assert heading(person.browser.open("/console")) == "Sign in"
    sign_in(person.browser, person.email)
    assert heading(person.browser.open("/console")) == "Set up your second factor"


def test_nobody_has_no_second_factor_to_lose(run: Run) -> None:
    done = run("users", "reset-second-factor", "nobody@example.com")
    assert done.exit_code == 1
    assert "There is no account for nobody@example.com." in done.output


def test_tenants_are_listed(app: Flask, run: Run) -> None:
    person = newcomer(app, browser_of(app))
    done = run("tenants", "list", "--search", person.email, "--json")
    assert person.tenant in done.output
