"""Records on the workspace's pages."""

import html
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask

from saas.devstack.browser import Browser, Page
from tests.support import database
from tests.support.database import left, more
from tests.support.pages import error_at, heading, words
from tests.support.people import Person, sign_up
from tests.support.threads import listening, together

NASTY = "<script>alert(1)</script> '; DROP TABLE notes; -- {{ 7 * 7 }} %s %(id)s \N{PILE OF POO}"


@pytest.fixture(scope="module")
def shop(app: Flask) -> Person:
    """One business with a collection of every kind, for all that leaves nothing behind."""
    owner = sign_up(app, database.browser(app))
    owner.define("things", title="text!", price="number", sold="boolean", since="date")
    return owner


@pytest.fixture(scope="module")
def sums(app: Flask) -> Person:
    owner = sign_up(app, database.browser(app))
    owner.define("sums", amount="number")
    return owner


WRONG = {
    "no title": ("title", "", "Is required."),
    "a title too long": ("title", "x" * 10_001, "Must have at most 10,000 characters."),
    "a title with NUL": ("title", "a\0b", "Remove the characters that can't be shown"),
    "a title with an escape": ("title", "a\x1bb", "Remove the characters that can't be shown"),
    "words for a number": ("price", "cheap", "Must be a number."),
    "a comma in a number": ("price", "1,5", "Must be a number."),
    "two points": ("price", "1.2.3", "Must be a number."),
    "not a number": ("price", "NaN", "Must have at most"),
    "infinity": ("price", "-Infinity", "Must have at most"),
    "a number too large": ("price", "1" * 31, "Must have at most"),
    "a number too small": ("price", "0." + "0" * 12 + "1", "Must have at most"),
    "an exponent out of reach": ("price", "1e999999999999999999999", "Must be a number."),
    "SQL for a number": ("price", "1); DROP TABLE things; --", "Must be a number."),
    "words for a date": ("since", "yesterday", "Must be a date such as 2026-12-31."),
    "a date the other way round": ("since", "31.12.2026", "Must be a date such as 2026-12-31."),
    "a day that is not": ("since", "2026-02-30", "Must be a day of the calendar"),
    "the year nought": ("since", "0000-01-01", "Must be a day of the calendar"),
    "a date with a time": ("since", "2026-12-31T10:00", "Must be a date such as 2026-12-31."),
}


@pytest.mark.parametrize(("field", "value", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_value_is_said_at_its_field_and_nothing_is_stored(
    app: Flask, shop: Person, field: str, value: str, message: str
) -> None:
    before = left(app)
    good = {"value__title": "Bread", "value__price": "4.50", "value__since": "2026-12-31"}
    page = add(shop, "things", **good | {f"value__{field}": value})
    assert page.status == 422
    assert error_at(page, f"value-{field}").startswith(message)
    assert [other for other in ("title", "price", "since") if error_at(page, f"value-{other}")] == [field]
    assert more(before, left(app)) == {}
    assert records(shop, "things") == []
    kept = page.form("/records", "value-title").fields
    assert kept["value-since"] == (value if field == "since" else "2026-12-31")


def test_a_record_is_added_changed_and_deleted(app: Flask, owner: Person) -> None:
    owner.define("things", title="text!", price="number", sold="boolean", since="date")
    page = add(owner, "things", value__title="Bread", value__price="4.50", value__since="2026-01-31", value__sold="y")
    assert all(text in words(page) for text in ("Record added.", "Bread", "4.50", "Yes", "31 Jan 2026", "1 record"))
    (record,) = records(owner, "things")
    assert (record["title"], record["price"], record["sold"], record["since"]) == ("Bread", 4.5, True, "2026-01-31")
    edit = owner.open(f"/collections/things/records/{record['id']}")
    form = edit.form("", "value-title").fields
    assert form["value-price"] == "4.50"
    assert "value-sold" in form
    unticked = {name: value for name, value in form.items() if name != "value-sold"} | {"value-title": "Rolls"}
    answer = owner.browser.request("POST", edit.url, data=unticked)
    assert answer.status_code == 303
    (changed,) = records(owner, "things")
    assert changed | {"updated_at": None} == record | {"title": "Rolls", "sold": False, "updated_at": None}
    assert changed["updated_at"] > record["updated_at"]
    gone = owner.browser.send(owner.open(f"/collections/things/records/{record['id']}"), "/delete")
    assert "Record deleted." in words(gone)
    assert records(owner, "things") == []
    again = owner.browser.send(edit, "/delete")
    assert (again.status, heading(again)) == (404, "There is no such record")


def test_empty_inputs_are_no_values_but_an_unticked_box_is_no(owner: Person) -> None:
    owner.define("things", title="text", price="number", sold="boolean", since="date")
    add(owner, "things")
    (record,) = records(owner, "things")
    assert (record["title"], record["price"], record["sold"], record["since"]) == (None, None, False, None)
    assert owner.open(f"/collections/things/records/{record['id']}").status == 200


@pytest.mark.parametrize("number", ["12345678901234567890.123456789", "-0.000000000001", "1" * 30, "100", "1e3", " 7 "])
def test_a_number_keeps_every_digit_on_its_way_through_pages(sums: Person, number: str) -> None:
    page = add(sums, "sums", value__amount=number)
    shown = {"1e3": "1000", " 7 ": "7"}.get(number, number)
    assert shown in words(page)
    text = sums.api("GET", "/collections/sums/records").text
    assert f'"amount":{shown}}}' in text
    record = records(sums, "sums")[-1]["id"]
    edit = sums.open(f"/collections/sums/records/{record}")
    assert edit.form("", "value-amount").fields["value-amount"] == shown
    sums.browser.send(edit, "", "value-amount")
    assert f'"amount":{shown}}}' in sums.api("GET", "/collections/sums/records").text


def test_text_with_markup_sql_and_lines_is_text(owner: Person) -> None:
    owner.define("notes", body="text")
    text = f"{NASTY}\r\nsecond line\ttab"
    page = add(owner, "notes", value__body=text)
    assert records(owner, "notes")[0]["body"] == text
    edit = owner.open(f"/collections/notes/records/{records(owner, 'notes')[0]['id']}")
    for shown in (page, edit):
        assert "<script>alert" not in shown.text
        assert NASTY in html.unescape(shown.text)
    owner.browser.send(edit, "", "value-body")
    assert records(owner, "notes")[0]["body"] == text


def test_an_edit_with_a_wrong_value_changes_nothing(owner: Person) -> None:
    owner.define("things", title="text!", price="number")
    add(owner, "things", value__title="Bread", value__price="1")
    (record,) = records(owner, "things")
    page = owner.browser.send(
        owner.open(f"/collections/things/records/{record['id']}"), "", "value-title", value__title="", value__price="x"
    )
    assert page.status == 422
    assert (error_at(page, "value-title"), error_at(page, "value-price")) == ("Is required.", "Must be a number.")
    assert records(owner, "things") == [record]


def test_pages_show_each_record_once_newest_first(owner: Person) -> None:
    owner.define("rows", n="number")
    for n in range(103):
        owner.api("POST", "/collections/rows/records", json={"n": 1000 + n})
    seen, page = [], owner.open("/collections/rows")
    assert "103 records" in words(page)
    while True:
        seen += map(int, re.findall(r"Edit record (\d+)", words(page)))
        if "That was the last page." in words(page):
            break
        page = owner.browser.open(owner.home + link(page, "Next page"))
    assert seen == [1000 + n for n in reversed(range(103))]
    assert link(page, "First page") == "/collections/rows"


@pytest.mark.parametrize("after", ["x", "1", "' OR 1=1", "0198f2c4-7a1e-7c55-9d0e-3b1f6a2c8e4"])
def test_a_cursor_that_is_none_is_told(shop: Person, after: str) -> None:
    page = shop.browser.open(f"{shop.home}/collections/things", params={"after": after})
    assert (page.status, "Go back to the first page." in words(page)) == (404, True)


def test_behind_the_last_record_there_is_a_way_back(shop: Person) -> None:
    page = shop.open("/collections/things?after=00000000-0000-0000-0000-000000000000")
    assert (page.status, "Nothing on this page" in words(page)) == (200, True)
    assert link(page, "First page") == "/collections/things"


@pytest.mark.parametrize("record", ["0198f2c4-7a1e-7c55-9d0e-3b1f6a2c8e47", "not-an-id", "1"])
def test_a_record_that_is_not_there_is_not_found(shop: Person, record: str) -> None:
    assert shop.open(f"/collections/things/records/{record}").status == 404


def test_a_collection_that_is_dropped_under_ones_hands_is_not_found(
    app: Flask, owner: Person, teammate: Person
) -> None:
    """Right before the statement that would use the table, each time; adding counts first, and holds a drop up then."""
    kinds = {"page": "SELECT ", "add": "WITH plan", "list": "SELECT record.id", "read": "SELECT record.id"}
    for kind, statement in kinds.items():
        owner.define(kind, body="text")
        record = owner.api("POST", f"/collections/{kind}/records", json={"body": "x"}).json()["id"]
        drop = teammate.open(f"/collections/{kind}/drop")
        calls: dict[str, Callable[[], int]] = {
            "page": lambda: owner.open("/collections/page").status,
            "add": lambda: owner.api("POST", "/collections/add/records", json={"body": "y"}).status_code,
            "list": lambda: owner.api("GET", "/collections/list/records").status_code,
            "read": lambda record=record: owner.api("GET", f"/collections/read/records/{record}").status_code,
        }
        with interrupted(
            app, statement, kind, lambda kind=kind, drop=drop: teammate.browser.send(drop, "", "name", name=kind)
        ):
            assert calls[kind]() == 404


def test_members_edit_each_others_records(owner: Person, teammate: Person) -> None:
    owner.define("notes", body="text")
    add(owner, "notes", value__body="Owner's")
    (record,) = records(owner, "notes")
    page = teammate.open(f"/collections/notes/records/{record['id']}")
    assert "Record saved." in words(teammate.browser.send(page, "", "value-body", value__body="Ours"))
    assert records(owner, "notes")[0]["body"] == "Ours"


def test_two_who_delete_one_record_at_the_same_moment(owner: Person, teammate: Person) -> None:
    owner.define("notes", body="text")
    add(owner, "notes", value__body="Gone")
    (record,) = records(owner, "notes")
    pages = [person.open(f"/collections/notes/records/{record['id']}") for person in (owner, teammate)]
    done = together(
        *(
            lambda person=person, page=page: person.browser.send(page, "/delete")
            for person, page in zip((owner, teammate), pages, strict=True)
        )
    )
    assert sorted(page.status for page in done) == [200, 404]
    assert records(owner, "notes") == []


def test_a_form_without_a_member_is_asked_to_sign_in(shop: Person, browser: Browser) -> None:
    visitor = browser
    token = visitor.open("/sign-in").form("", "password").fields["csrf_token"]
    values = {"csrf_token": token, "value-title": "Uninvited"}
    answer = visitor.request("POST", f"{shop.home}/collections/things/records", data=values)
    assert answer.status_code in {302, 400}
    assert records(shop, "things") == []


@contextmanager
def interrupted(app: Flask, statement: str, table: str, action: Callable[[], object]) -> Iterator[None]:
    """Let something happen, once, right before a statement that starts so and names a table."""
    done = threading.Event()

    def interrupt(_connection: object, _cursor: object, text: str, *_rest: object) -> None:
        names_it = re.search(rf'(FROM|INTO) ("{table}"|platform.usage)', text)
        if text.startswith(statement) and names_it and not done.is_set():
            done.set()
            together(action)

    with listening(app, "before_cursor_execute", interrupt):
        yield
    assert done.is_set()


def add(person: Person, collection: str, **values: str) -> Page:
    """Send the form that adds a record."""
    return person.browser.send(person.open(f"/collections/{collection}"), "/records", **values)


def records(person: Person, collection: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = person.api("GET", f"/collections/{collection}/records").json()["data"]
    return found


def link(page: Page, label: str) -> str:
    """Where the page's link with this label leads."""
    before = page.text[: page.text.index(f">{label}<")]
    return html.unescape(before.rpartition('href="')[2].partition('"')[0])
