"""More than the plan allows, as after a downgrade: nothing is deleted, it becomes read-only and comes back."""

from typing import Any

import pytest
from flask import Flask

from saas.core.database import db
from tenants import preview, routing
from tenants.backend.collections import service as collections
from tenants.members.models import Role
from tenants.usage import over
from tenants.usage.limits import COLLECTIONS, RECORDS, SEATS, STORAGE
from tests.support.contexts import context
from tests.support.database import sql
from tests.support.pages import words
from tests.support.people import MakeBrowser, Person, allow, join
from tests.support.threads import statements

NAMES = ["first", "second", "third", "fourth"]


def fill(owner: Person) -> dict[str, str]:
    """Four collections, made one after the other, with a record in each; returns the records' ids."""
    ids = {}
    for name in NAMES:
        owner.define(name, body="text")
        ids[name] = add(owner, name).json()["id"]
    return ids


def add(owner: Person, name: str) -> Any:
    return owner.api("POST", f"/collections/{name}/records", json={"body": "x"})


def change(owner: Person, name: str, record: str) -> Any:
    return owner.api("PATCH", f"/collections/{name}/records/{record}", json={"body": "y"})


def drop(owner: Person, name: str) -> None:
    owner.browser.send(owner.open(f"/collections/{name}/drop"), "", "name", name=name)


def written(owner: Person, ids: dict[str, str]) -> dict[str, tuple[int, int]]:
    """By collection, how a new record and a change of an old one are answered."""
    return {name: (add(owner, name).status_code, change(owner, name, id_).status_code) for name, id_ in ids.items()}


OPEN, CLOSED = (201, 200), (402, 402)


def test_the_newest_collections_beyond_the_limit_can_be_read_and_deleted_only(app: Flask, owner: Person) -> None:
    ids = fill(owner)
    allow(app, owner.tenant, collections=2)
    assert written(owner, ids) == {"first": OPEN, "second": OPEN, "third": CLOSED, "fourth": CLOSED}
    problem = add(owner, "third").json()
    assert problem["detail"] == (
        "This workspace has 4 collections and its plan allows 2: the newest 2 are read-only."
        " Delete some or choose a larger plan."
    )
    assert (problem["type"], problem["help"]) == ("urn:freehold:problem:over-limit", f"{owner.home}/billing")
    assert owner.api("GET", f"/collections/third/records/{ids['third']}").json()["body"] == "x"
    assert owner.api("DELETE", f"/collections/third/records/{ids.pop('third')}").status_code == 204
    drop(owner, "first")
    ids.pop("first")
    assert written(owner, ids) == {"second": OPEN, "fourth": CLOSED}, "the third is the second now"
    assert add(owner, "third").status_code == 201
    allow(app, owner.tenant)
    assert written(owner, ids) == {"second": OPEN, "fourth": OPEN}


def test_control_without_the_rule_they_are_written(app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = fill(owner)
    allow(app, owner.tenant, collections=2)
    monkeypatch.setattr(over, "now", lambda _limit: None)
    assert set(written(owner, ids).values()) == {OPEN}


def test_pages_show_which_are_read_only_and_why(app: Flask, owner: Person) -> None:
    ids = fill(owner)
    allow(app, owner.tenant, collections=3)
    for path in ("/home", "/collections"):
        assert words(owner.open(path)).count("Read-only") == 1
    page = owner.open("/collections/fourth")
    assert "its plan allows 3: the newest one is read-only. Delete some or choose a larger plan." in words(page)
    assert "Add record" not in words(page)
    record = owner.open(f"/collections/fourth/records/{ids['fourth']}")
    assert "Save" not in words(record)
    assert "Delete record" in words(record)
    assert "Add record" in words(owner.open("/collections/third"))


@pytest.mark.parametrize(
    ("limit", "allowed", "sentence"),
    [
        (RECORDS, 3, "This workspace has 4 records and its plan allows 3: no record can be added or changed."),
        (STORAGE, 2048, "has 3.0 KiB of storage and its plan allows 2.0 KiB: no record can be added or changed."),
    ],
    ids=["records", "storage"],
)
def test_with_too_much_in_it_a_workspace_takes_no_record_and_changes_none(
    app: Flask, owner: Person, limit: Any, allowed: int, sentence: str
) -> None:
    ids = fill(owner)
    sql(app, "INSERT INTO platform.usage VALUES (:t, 'storage', '', 3072)", t=owner.tenant)
    allow(app, owner.tenant, **{limit.name: allowed})
    assert set(written(owner, ids).values()) == {CLOSED}
    assert sentence in change(owner, "first", ids["first"]).json()["detail"]
    assert owner.api("GET", "/collections/first/records").status_code == 200
    assert owner.api("DELETE", f"/collections/first/records/{ids['first']}").status_code == 204
    allow(app, owner.tenant)
    assert change(owner, "second", ids["second"]).status_code == 200


def test_at_the_limit_what_is_there_can_still_be_changed(app: Flask, owner: Person) -> None:
    ids = fill(owner)
    allow(app, owner.tenant, records=4, collections=4)
    assert set(written(owner, ids).values()) == {(402, 200)}
    assert add(owner, "first").json()["type"] == "urn:freehold:problem:limit-reached"


def test_members_beyond_the_seats_may_only_read_owners_first_and_then_who_joined_first(
    app: Flask, owner: Person, make_browser: MakeBrowser
) -> None:
    owner.define("notes", body="text")
    roles = (Role.EDITOR, Role.EDITOR, Role.BILLING, Role.OWNER)
    early, late, payer, partner = (join(app, owner, make_browser(), role) for role in roles)

    def may_write() -> list[bool]:
        return ["Add record" in words(one.open("/collections/notes")) for one in (owner, partner, early, late)]

    assert may_write() == [True, True, True, True]
    allow(app, owner.tenant, seats=3)
    assert may_write() == [True, True, True, False]
    with context(app, owner.tenant):
        (loss,) = preview.losses(owner.tenant, {"seats": 3})
    assert loss.names == (late.email, payer.email)
    page = owner.open("/team")
    assert words(page).count("Read-only") == 2
    refusal = late.browser.request("POST", f"{late.home}/collections/notes/records", data=form(late))
    assert refusal.status_code == 402
    assert "This workspace has 5 members and its plan allows 3: the 2 who joined last may only read." in refusal.text
    assert payer.open("/billing").status == 200, "who only pays goes on paying"
    assert payer.open("/collections").status == 403
    assert "There is no seat for you in this plan, so you can only read." in words(late.open("/home"))
    allow(app, owner.tenant, seats=0)
    assert may_write() == [True, False, False, False], "the first owner stays one"
    allow(app, owner.tenant)
    assert may_write() == [True, True, True, True]


def form(person: Person) -> dict[str, str]:
    token = person.open("/team").form("/team/leave").fields["csrf_token"]
    return {"csrf_token": token, "value-body": "x"}


def test_who_asks_brings_along_what_is_allowed_and_there_and_can_not_change_it(app: Flask, owner: Person) -> None:
    allow(app, owner.tenant, records=7)
    with app.test_request_context("/", base_url=owner.home):
        by_page = routing._in_workspace(owner.address).tenant
        assert by_page
        by_key = routing.bind_by_id(owner.tenant).workspace
        db.session.rollback()
    assert by_page == by_key
    assert (by_page.limits["records"], by_page.limits["seats"], by_page.used["seats"]) == (7, None, 1)
    for brought in (by_page.limits, by_page.used):
        with pytest.raises(TypeError, match="does not support item assignment"):
            brought["records"] = 8  # type: ignore[index]


def test_it_costs_a_request_no_query(app: Flask, owner: Person) -> None:
    fill(owner)
    owner.key()

    def sent() -> list[int]:
        counted = []
        for work in (
            lambda: owner.open("/collections/fourth"),
            lambda: owner.open("/collections"),
            lambda: owner.open("/usage"),
            lambda: owner.api("GET", "/collections/fourth/records"),
        ):
            work()  # a key notes its use once a minute
            with statements(app) as seen:
                work()
            counted.append(len(seen))
        return counted

    before = sent()
    allow(app, owner.tenant, collections=2, records=1, storage=1, seats=0)
    assert sent() == before


def test_what_smaller_limits_would_do_is_told_before(app: Flask, owner: Person) -> None:
    fill(owner)
    with context(app, owner.tenant):
        told = preview.losses(owner.tenant, {"collections": 1, "records": 4, "seats": 1, "storage": None})
    assert [(loss.over.limit, loss.over.used, loss.over.allowed, loss.over.beyond) for loss in told] == [
        (COLLECTIONS, 4, 1, 3)
    ]
    assert told[0].names == ("Fourth", "Second", "Third")
    assert told[0].over.consequence == "the newest 3 are read-only"
    with context(app, owner.tenant):
        assert not any(collection.read_only for collection in collections.every()), "it is only told"


def test_a_limit_that_is_not_named_has_its_default_and_null_is_none() -> None:
    used = {SEATS.name: SEATS.default + 1, RECORDS.name: 10**9}
    assert [(found.limit, found.beyond) for found in over.over({"records": None}, used)] == [(SEATS, 1)]
    assert over.over({}, {}) == []
