"""Operators with a second factor."""

import re

import pyotp
from flask import Flask

from saas.accounts.second_factor import totp
from saas.devstack.browser import Browser, Page
from tests.support.database import sql
from tests.support.people import Person, sign_up


def operator(app: Flask, browser: Browser) -> Person:
    """Somebody who has passed the back office's door."""
    person = newcomer(app, browser)
    enrol(person.browser)
    return person


def newcomer(app: Flask, browser: Browser) -> Person:
    """Somebody who may pass it, and has no second factor yet."""
    person = sign_up(app, browser)
    sql(app, "UPDATE platform.users SET operator = true WHERE email = :email", email=person.email)
    return person


def enrol(browser: Browser) -> tuple[str, list[str]]:
    """Set up a second factor on its page; returns the secret and the recovery codes."""
    page = browser.open("/console")
    secret = secret_on(page)
    done = browser.send(page, "/set-up", "code", code=code(secret))
    assert done.status == 200, done.text
    return secret, recovery_codes_on(done)


def secret_on(page: Page) -> str:
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page.text)
    assert found, page.text
    return found[1]


def recovery_codes_on(page: Page) -> list[str]:
    return re.findall(r"\b(?:[a-z2-7]{4}-){3}[a-z2-7]{4}\b", page.text)


def code(secret: str, steps: int = 0) -> str:
    """The app's code now, which is when the platform has it, or some steps of 30 seconds away from now."""
    return pyotp.TOTP(secret).generate_otp(totp.now() + steps)
