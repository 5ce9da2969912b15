"""How often passwords and links may be asked for."""

import pytest
from flask import Flask

from tests.conftest import network
from tests.support.database import browser, left, more, skip_at_the_end_of_the_hour, sql
from tests.support.pages import heading, words
from tests.support.people import PASSWORD, Person, sign_in, unique


@pytest.fixture(autouse=True)
def _within_one_hour(app: Flask) -> None:
    skip_at_the_end_of_the_hour(app)


def test_the_eleventh_password_for_an_account_is_not_even_looked_at(app: Flask, owner: Person) -> None:
    here = network()
    assert sign_in(browser(app, here), owner.email, "a wrong password").status == 422
    sql(app, "UPDATE platform.attempts SET count = 9 WHERE key = :key", key=f"sign-in:{here} {owner.email}")
    assert sign_in(browser(app, here), owner.email, "a wrong password").status == 422
    page = sign_in(browser(app, here), owner.email, PASSWORD)
    assert (page.status, heading(page)) == (429, "Too many attempts")
    assert 1 <= int(page.response.headers["Retry-After"]) <= 3600
    assert sign_in(browser(app), owner.email).status == 200  # the control: the owner elsewhere is not locked out


def test_nobodys_mailbox_is_filled_and_the_eleventh_request_is_refused(app: Flask, owner: Person) -> None:
    here = browser(app, network())
    before = left(app)
    form = here.open("/forgot")
    assert [here.send(form, "", "email", email=owner.email).status for _ in range(11)] == [200] * 10 + [429]
    assert more(before, left(app)) == {"mails": 5, "jobs": 5, "codes": 1}


def test_a_network_that_tries_many_accounts_is_stopped(app: Flask) -> None:
    here = browser(app, network())
    form = here.open("/forgot")
    asked = [here.send(form, "", "email", email=f"{unique()}@example.com").status for _ in range(61)]
    assert asked == [200] * 60 + [429]


def test_the_confirmation_is_sent_again_five_times_an_hour(app: Flask, owner: Person) -> None:
    page = owner.browser.open("/workspaces?all=1")
    before = left(app)
    assert [owner.browser.send(page, "/confirm").status for _ in range(6)] == [200] * 5 + [429]
    assert more(before, left(app)) == {"mails": 5, "jobs": 5}
    assert "Wait " in words(owner.browser.send(page, "/confirm"))
