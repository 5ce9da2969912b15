"""Rate limits."""

import re

import pytest
from flask import Flask

from saas.core import attempts
from saas.core.database import rollback
from saas.core.errors import TooManyAttempts
from tests.support.database import skip_at_the_end_of_the_hour, sql
from tests.support.people import unique
from tests.support.threads import together


@pytest.fixture(autouse=True)
def _within_one_hour(app: Flask) -> None:
    skip_at_the_end_of_the_hour(app)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("not an address", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_address_stands_for_the_network_that_one_customer_holds(address: str | None, network: str) -> None:
    assert attempts.network(address) == network


def test_the_attempt_after_the_last_allowed_one_is_refused(app: Flask) -> None:
    who = unique()
    with app.app_context():
        for _ in range(3):
            attempts.count("test", who, limit=3, seconds=3600)
        with pytest.raises(TooManyAttempts) as refused:
            attempts.count("test", who, limit=3, seconds=3600)
        attempts.count("test", f"not-{who}", limit=3, seconds=3600)
        attempts.count("another-test", who, limit=3, seconds=3600)
    assert re.fullmatch(r"Wait \d+ (seconds|minutes) and try again\.", refused.value.detail)
    assert 1 <= (refused.value.retry_after or 0) <= 3600


def test_the_count_starts_anew_in_the_next_window(app: Flask) -> None:
    who = unique()
    with app.app_context():
        attempts.count("test", who, limit=1, seconds=3600)
        with pytest.raises(TooManyAttempts):
            attempts.count("test", who, limit=1, seconds=3600)
        sql(app, 'UPDATE platform.attempts SET "window" = "window" - 1 WHERE key = :key', key=f"test:{who}")
        attempts.count("test", who, limit=1, seconds=3600)


def test_an_attempt_counts_though_its_request_is_rolled_back(app: Flask) -> None:
    who = unique()
    with app.app_context():
        attempts.count("test", who, limit=1, seconds=3600)
        rollback()
        with pytest.raises(TooManyAttempts):
            attempts.count("test", who, limit=1, seconds=3600)


def test_of_many_at_once_exactly_the_limit_passes(app: Flask) -> None:
    who = unique()

    def passes() -> bool:
        with app.app_context():
            try:
                attempts.count("test", who, limit=4, seconds=3600)
            except TooManyAttempts:
                return False
            return True

    assert sorted(together(*[passes] * 10)) == [False] * 6 + [True] * 4


def test_a_name_of_any_length_is_counted(app: Flask) -> None:
    who = f"{unique()}{'x' * 500}"
    with app.app_context():
        attempts.count("test", who, limit=1, seconds=3600)
        with pytest.raises(TooManyAttempts):
            attempts.count("test", who, limit=1, seconds=3600)
