"""Defining and dropping collections on the workspace's pages."""

import html
import re

import pytest
from flask import Flask

from saas.devstack.browser import Page
from tests.support.database import browser, left, more, sql
from tests.support.pages import error_at, heading, words
from tests.support.people import Person, sign_up
from tests.support.threads import meeting_at, together

SHAPE = "Use small letters a to z, digits and _, with a letter first."
DATABASE = "is a name of the database itself. Choose another."

# Words of SQL, of Python, of our own statements, and of the libraries' objects that carry the names.
TRICKY = [
    "select", "user", "order", "table", "group", "default", "end", "null", "true", "current_user", "all", "limit",
    "self", "class", "none", "import", "values", "keys", "items", "get", "name", "kind", "fields", "label",
    "record", "written", "json", "tenant", "public", "platform", "e", "u", "b", "x", "n",
    "data", "errors", "validate", "process", "populate_obj", "meta", "csrf_token", "form_errors", "text", "number",
    "column", "columns", "c", "schema", "metadata", "params", "statement", "query", "count", "date", "time", "now",
]  # fmt: skip

TRICKIEST = ["select", "user", "order", "table", "end", "null", "self", "values", "record", "written", "json", "e", "n"]

BAD_NAMES = {
    "": "Fill in the name.",
    "Orders": SHAPE,
    "my-orders": SHAPE,
    "my orders": SHAPE,
    "1st": SHAPE,
    "_hidden": SHAPE,
    "größe": SHAPE,
    "t\N{CYRILLIC SMALL LETTER A}ble": SHAPE,
    "x'; DROP TABLE fh_keys; --": SHAPE,
    '"x"': SHAPE,
    "<b>x</b>": SHAPE,
    "platform.users": SHAPE,
    "a" * 49: "Use at most 48 characters.",
    "pg_class": f"pg_class {DATABASE}",
    "pg_anything": f"pg_anything {DATABASE}",
    "set_config": f"set_config {DATABASE}",
    "information_schema": f"information_schema {DATABASE}",
    "t_abcdefghijklmnop": f"t_abcdefghijklmnop {DATABASE}",
    "fh_keys": "Names that start with fh_ are the platform's own.",
    "fh_collections": "Names that start with fh_ are the platform's own.",
    "new\0": "Remove the characters that can't be shown",
}

BAD_FIELDS = {
    "": "Fill in a name.",
    "Title": SHAPE,
    "a b": SHAPE,
    "x; DROP TABLE fh_keys": SHAPE,
    "a" * 49: "Use at most 48 characters.",
    "id": "Every record has id of its own.",
    "created_at": "Every record has created_at of its own.",
    "updated_at": "Every record has updated_at of its own.",
    "ctid": "Every record has ctid of its own.",
    "xmin": "Every record has xmin of its own.",
    "tableoid": "Every record has tableoid of its own.",
    "pg_sleep": f"pg_sleep {DATABASE}",
    "\0": SHAPE,
}


@pytest.fixture(scope="module")
def refused(app: Flask) -> Person:
    """One business for all that leaves nothing behind."""
    return sign_up(app, browser(app))


def test_a_collection_is_a_typed_table_in_the_workspaces_schema(app: Flask, owner: Person) -> None:
    before = left(app)
    owner.define("products", title="text!", price="number", sold_out="boolean", since="date")
    columns = sql(
        app,
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
        " JOIN pg_class c ON c.oid = attrelid AND relname = 'products'"
        " WHERE relnamespace = to_regnamespace(:schema) AND attnum > 0 ORDER BY attnum",
        schema=owner.tenant,
    )
    assert columns == [
        ("id", "uuid", True),
        ("created_at", "timestamp with time zone", True),
        ("updated_at", "timestamp with time zone", True),
        ("title", "text", True),
        ("price", "numeric", False),
        ("sold_out", "boolean", False),
        ("since", "date", False),
    ]
    assert more(before, left(app)) == {"audit": 1}
    assert "title, price, sold_out, since" in words(owner.open("/collections"))
    assert heading(owner.open("/collections/products")) == "Products"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_is_refused_at_its_field(app: Flask, refused: Person, name: str) -> None:
    before = left(app)
    page = define(refused, name, "title")
    assert page.status == 422
    assert error_at(page, "name").startswith(BAD_NAMES[name])
    assert more(before, left(app)) == {}
    assert collections(refused) == []


@pytest.mark.parametrize("field", BAD_FIELDS)
def test_a_bad_field_is_refused_at_its_row(app: Flask, refused: Person, field: str) -> None:
    page = define(refused, "orders", "good", field)
    assert page.status == 422
    assert error_at(page, "fields-1-name").startswith(BAD_FIELDS[field])
    assert error_at(page, "fields-0-name") == ""
    assert "One field needs another look. Field 2" in words(page)
    assert collections(refused) == []


def test_all_that_is_wrong_is_said_at_once(owner: Person) -> None:
    page = owner.browser.send(
        owner.open("/collections/new"), "", "label",
        label="", name="No Name", fields__0__name="id", fields__0__kind="text", fields__1__name="x",
        fields__1__kind="colour",
    )  # fmt: skip
    assert page.status == 422
    assert error_at(page, "label") == "Fill in the label."
    assert error_at(page, "fields-1-kind") == "Not a valid choice."
    page = define(owner, "No Name", "id", "twice", "twice")
    assert error_at(page, "name") == SHAPE
    assert error_at(page, "fields-0-name").startswith("Every record has id")
    assert error_at(page, "fields-2-name") == "Two fields are called twice. Rename one."
    assert "3 fields need another look." in words(page)


def test_a_taken_name_is_said_at_the_field(app: Flask, owner: Person) -> None:
    owner.define("orders", title="text")
    before = left(app)
    page = define(owner, "orders", "other")
    assert (page.status, error_at(page, "name")) == (
        422,
        "There is a collection called orders already. Choose another name.",
    )
    assert more(before, left(app)) == {}


def test_of_two_who_define_one_name_at_the_same_moment_one_gets_it(app: Flask, owner: Person, teammate: Person) -> None:
    pages = [person.open("/collections/new") for person in (owner, teammate)]
    before = left(app)
    with meeting_at(app, "WITH plan"):
        made = together(
            *(
                lambda person=person, page=page, field=field: send(person, page, "orders", field)
                for person, page, field in zip((owner, teammate), pages, ("first", "second"), strict=True)
            )
        )
    winner, loser = sorted(made, key=lambda page: page.status)
    assert (winner.status, heading(winner)) == (200, "Orders")
    assert (loser.status, error_at(loser, "name")[:22]) == (422, "There is a collection ")
    assert more(before, left(app)) == {"audit": 1}
    assert [one["name"] for one in collections(owner)] == ["orders"]


def test_names_that_mean_something_elsewhere_work_as_collections_and_fields(owner: Person) -> None:
    """Each as a collection, with a field of the same name."""
    for name in TRICKIEST:
        owner.define(name, **{name: "text"})
        made = owner.api("POST", f"/collections/{name}/records", json={name: "v"})
        assert (made.status_code, made.json().get(name)) == (201, "v"), (name, made.text)
        assert owner.api("GET", f"/collections/{name}/records").json()["data"] == [made.json()], name
    assert {one["name"] for one in collections(owner)} == set(TRICKIEST)
    assert owner.open("/collections").status == owner.open("/home").status == 200


def test_fields_whose_names_mean_something_elsewhere_work_on_pages(owner: Person) -> None:
    owner.define("everything", **dict.fromkeys(TRICKY, "text"))
    values = {f"value__{name}": f"{name} of it" for name in TRICKY}
    page = owner.browser.send(owner.open("/collections/everything"), "/records", "value-data", **values)
    assert "Record added." in words(page)
    assert all(f"{name} of it" in words(page) for name in TRICKY)
    (record,) = owner.api("GET", "/collections/everything/records").json()["data"]
    assert {name: record[name] for name in TRICKY} == {name: f"{name} of it" for name in TRICKY}
    edit = owner.open(f"/collections/everything/records/{record['id']}")
    assert {f"value-{name}": f"{name} of it" for name in TRICKY}.items() <= edit.form("", "value-data").fields.items()
    changed = owner.browser.send(edit, "", "value-data", value__csrf_token="changed")
    assert "Record saved." in words(changed)
    (record,) = owner.api("GET", "/collections/everything/records").json()["data"]
    assert (record["csrf_token"], record["errors"]) == ("changed", "errors of it")


def test_the_form_offers_another_row_without_javascript(owner: Person) -> None:
    page = define(owner, "orders", "title", add_field="1")
    assert page.status == 200
    assert page.form("", "label").fields["fields-0-name"] == "title"
    assert page.form("", "label").fields["fields-1-name"] == ""
    assert collections(owner) == []


def test_a_collection_has_at_most_a_hundred_fields(owner: Person) -> None:
    names = [f"field_{number}" for number in range(101)]
    page = define(owner, "wide", *names[:100], add_field="1")
    assert (page.status, "fields-100-name" in page.form("", "label").fields) == (200, False)
    page = define(owner, "wide", *names)
    assert (page.status, "Use at most 100 fields." in words(page)) == (422, True)
    assert collections(owner) == []
    assert define(owner, "wide", *names[:100]).status == 200
    assert len(collections(owner)[0]["fields"]) == 100


def test_labels_are_text_everywhere(owner: Person) -> None:
    label = '<script>alert(1)</script> & "so" {{ 7 * 7 }} %s'
    page = owner.browser.send(
        owner.open("/collections/new"), "", "label",
        label=label, name="orders", fields__0__name="title", fields__0__kind="text",
    )  # fmt: skip
    for shown in (page, *map(owner.open, ("/home", "/collections", "/collections/orders", "/collections/orders/drop"))):
        assert shown.status == 200
        assert label in html.unescape(shown.text)
        assert "<script>alert" not in shown.text
    assert collections(owner)[0]["label"] == label


def test_dropping_needs_the_typed_name(app: Flask, owner: Person) -> None:
    owner.define("orders", title="text")
    owner.api("POST", "/collections/orders/records", json={"title": "Kept"})
    before = left(app)
    for typed in ("", "Orders", "order", "orders; --", "\0orders"):
        page = owner.browser.send(owner.open("/collections/orders/drop"), "", "name", name=typed)
        assert (page.status, error_at(page, "name")) == (422, "Type orders to agree.")
    assert "1 record will be deleted with the table." in words(page)
    assert more(before, left(app)) == {}
    assert len(owner.api("GET", "/collections/orders/records").json()["data"]) == 1
    page = owner.browser.send(page, "", "name", name=" orders ")
    assert "Orders and its records are deleted." in words(page)
    assert owner.api("GET", "/collections/orders/records").status_code == 404
    assert owner.open("/collections/orders").status == 404
    tables = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relkind = 'r' ORDER BY 1"
    assert sql(app, tables, schema=owner.tenant) == [("fh_collections",), ("fh_keys",)]
    assert more(before, left(app)) == {"audit": 1}


def test_a_name_can_be_used_again_after_its_drop_with_other_fields(owner: Person) -> None:
    owner.define("orders", title="text")
    owner.api("POST", "/collections/orders/records", json={"title": "Old"})
    owner.browser.send(owner.open("/collections/orders/drop"), "", "name", name="orders")
    owner.define("orders", amount="number!")
    made = owner.api("POST", "/collections/orders/records", json={"amount": 1})
    assert owner.api("GET", "/collections/orders/records").json()["data"] == [made.json()]


def test_two_who_drop_at_the_same_moment_drop_once(app: Flask, owner: Person, teammate: Person) -> None:
    owner.define("orders", title="text")
    pages = [person.open("/collections/orders/drop") for person in (owner, teammate)]
    before = left(app)
    done = together(
        *(
            lambda person=person, page=page: person.browser.send(page, "", "name", name="orders")
            for person, page in zip((owner, teammate), pages, strict=True)
        )
    )
    assert sorted(page.status for page in done) in ([200, 200], [200, 404])
    assert more(before, left(app)) == {"audit": 1}


@pytest.mark.parametrize("path", ["nothing", "nothing/drop", "fh_keys", "fh_keys/drop", "pg_class", "Orders", "%FF"])
def test_what_is_not_a_collection_is_not_found(refused: Person, path: str) -> None:
    page = refused.open(f"/collections/{path}")
    assert (page.status, heading(page)) == (404, "There is no such collection")


def define(person: Person, name: str, *fields: str, **extra: str) -> Page:
    """Send the form with these fields, each a text."""
    return send(person, person.open("/collections/new"), name, *fields, **extra)


def send(person: Person, page: Page, name: str, *fields: str, **extra: str) -> Page:
    values = {"label": name.capitalize() or "Nameless", "name": name, **extra}
    for number, field in enumerate(fields):
        values |= {f"fields__{number}__name": field, f"fields__{number}__kind": "text"}
    return person.browser.send(page, "", "label", **values)


def collections(person: Person) -> list[dict[str, object]]:
    """What the API says there is."""
    found: list[dict[str, object]] = person.api("GET", "/collections").json()["data"]
    return found


def test_the_names_tried_above_are_all_fit() -> None:
    assert [name for name in TRICKY if not re.fullmatch(r"[a-z][a-z0-9_]*", name)] == []
    assert len(set(TRICKY)) == len(TRICKY) <= 100
