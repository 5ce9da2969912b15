"""A person who has an account opens another workspace with it."""

from flask import Flask

from tests.support.database import left, more, sql
from tests.support.people import Person, unique


def test_a_confirmed_person_opens_another_workspace(app: Flask, owner: Person) -> None:
    confirm(app, owner)
    before = left(app)
    page = owner.browser.open("/sign-up")
    assert 'name="email"' not in page.text
    address = f"second-{unique()}"
    done = owner.browser.send(page, "", "business", business="Second", address=address)
    assert done.url == f"http://{address}.localhost:8000/home"
    added = more(before, left(app))
    assert (added["active"], added["memberships"], added.get("users"), added.get("mails")) == (1, 1, None, None)
    listed = owner.browser.open("/workspaces").text
    assert address in listed
    assert owner.address in listed


def test_before_the_email_is_confirmed_there_is_one(app: Flask, owner: Person) -> None:
    before = left(app)
    page = owner.browser.open("/sign-up")
    assert (page.status, "Confirm your email first" in page.text) == (403, True)
    assert more(before, left(app)) == {}


def test_an_address_that_is_taken_is_said_at_its_field(app: Flask, owner: Person, stranger: Person) -> None:
    confirm(app, owner)
    before = left(app)
    page = owner.browser.open("/sign-up")
    again = owner.browser.send(page, "", "business", business="Second", address=stranger.address)
    assert (again.status, f"{stranger.address} is taken" in again.text) == (422, True)
    assert more(before, left(app)) == {}


def confirm(app: Flask, person: Person) -> None:
    sql(app, "UPDATE platform.users SET confirmed_at = now() WHERE email = :email", email=person.email)
