"""What a sign-up does on the way to its answer, and what it leaves to others."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import ConnectionError as RedisGone

from saas.core.settings import Settings
from saas.devstack.browser import Browser
from tests.signup.conftest import Values
from tests.support import database
from tests.support.people import Person, sign_up
from tests.support.threads import statements

NOBODY = "redis://127.0.0.1:1/0"
_DDL = re.compile(r"\s*(?:SET LOCAL[^;]*;\s*)*(CREATE|ALTER|DROP|GRANT|REVOKE|COMMENT|TRUNCATE)\b", re.IGNORECASE)


def test_a_sign_up_runs_no_ddl(app: Flask, owner: Person, browser: Browser, values: Values) -> None:
    page = browser.open("/sign-up")
    with statements(app) as seen:
        answer = browser.request("POST", "/sign-up", data=page.form("", "business").fields | values())
    assert answer.status_code == 303
    assert [text for text in seen if _DDL.match(text)] == []
    with statements(app) as control:
        owner.define("orders", title="text")
    assert [_DDL.match(text)[1] for text in control if _DDL.match(text)] == ["CREATE"]


def test_a_sign_up_asks_the_database_few_times(app: Flask, browser: Browser, values: Values) -> None:
    page = browser.open("/sign-up")
    with statements(app) as seen:
        browser.request("POST", "/sign-up", data=page.form("", "business").fields | values())
    assert len(seen) <= 16, "\n".join(seen)


def test_a_business_signs_up_while_redis_is_away(without_redis: Flask) -> None:
    with Redis.from_url(NOBODY) as control, pytest.raises(RedisGone):
        control.ping()
    person = sign_up(without_redis, database.browser(without_redis))
    assert person.api("GET", "/collections").json() == {"data": []}


@pytest.fixture
def without_redis(settings: Settings) -> Iterator[Flask]:
    with database.application(settings, redis_url=NOBODY) as app:
        yield app
