"""The workspace's first page leads to the first call, says that it has come, and then gets out of the way."""

from datetime import timedelta

import sqlalchemy as sa
from flask import Flask

from saas.core.database import db, transaction
from tenants.members.models import Role
from tenants.models import Tenant
from tests.support.people import MakeBrowser, Person, join

WAITING, ARRIVED = "Waiting for your first call", "Your first call has arrived"


def test_it_waits_for_the_first_call_and_says_when_it_has_come(owner: Person) -> None:
    assert WAITING not in owner.open("/home").text, "nothing can be called yet"
    owner.define("orders", title="text")
    owner.key()
    page = owner.open("/home").text
    assert WAITING in page
    assert "data-waiting" in page, "app.js looks for it and shows the page anew when it is gone"
    assert ARRIVED not in page

    assert owner.api("GET", "/collections/orders/records").status_code == 200
    page = owner.open("/home").text
    assert ARRIVED in page
    assert "data-waiting" not in page


def test_a_call_that_is_refused_or_a_strangers_is_none(owner: Person, stranger: Person) -> None:
    for person in (owner, stranger):
        person.define("orders", title="text")
        person.key()
    assert stranger.api("GET", "/collections/orders/records").status_code == 200
    wrong = {"Authorization": f"Bearer {owner.key()[:-2]}xx"}
    refused = owner.browser.request("GET", f"{owner.home}/api/v1/collections/orders/records", headers=wrong)
    assert refused.status_code == 401
    assert WAITING in owner.open("/home").text
    assert ARRIVED in stranger.open("/home").text


def test_once_all_is_done_the_steps_go_after_a_day(app: Flask, owner: Person) -> None:
    owner.define("orders", title="text")
    owner.key()
    _age(app, owner)
    assert WAITING in owner.open("/home").text, "what is not done stays"
    owner.api("GET", "/collections/orders/records")
    assert "First steps" not in owner.open("/home").text


def test_whoever_can_make_no_collection_is_not_asked_to(app: Flask, owner: Person, make_browser: MakeBrowser) -> None:
    owner.define("orders", title="text")
    owner.key()
    viewer = join(app, owner, make_browser(), Role.VIEWER)
    page = viewer.open("/home").text
    assert "Orders" in page
    assert WAITING not in page


def _age(app: Flask, person: Person) -> None:
    with app.app_context(), transaction():
        older = sa.update(Tenant).where(Tenant.id == person.tenant)
        db.session.execute(older.values(opened_at=sa.func.now() - timedelta(days=2)))
