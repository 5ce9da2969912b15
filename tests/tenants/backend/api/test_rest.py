"""The REST API."""

import json
from typing import Any

import pytest
from flask import Flask

from tests.support.database import browser, left, more
from tests.support.people import Person, sign_up

JSON = {"Content-Type": "application/json"}
RECORDS = "/collections/things/records"
DIGITS = "must have at most 30 digits before and 12 behind the point"
UNFIT = "Remove the characters that can't be shown: control characters or broken Unicode."


@pytest.fixture(scope="module")
def shop(app: Flask) -> Person:
    """One business for all that leaves nothing behind; its one record stays as it is."""
    owner = sign_up(app, browser(app))
    owner.define("things", title="text!", price="number", sold="boolean", since="date")
    owner.api("POST", RECORDS, json={"title": "Bread"})
    return owner


WRONG_VALUES: dict[str, tuple[Any, str, str]] = {
    "a number as text": ({"title": 5}, "title", "must be a string"),
    "a list as text": ({"title": ["x"]}, "title", "must be a string"),
    "an object as text": ({"title": {"a": 1}}, "title", "must be a string"),
    "no text where it is required": ({"title": None}, "title", "is required"),
    "text too long": ({"title": "x" * 10_001}, "title", "must have at most 10,000 characters"),
    "text with NUL": ({"title": "a\0b"}, "title", UNFIT),
    "text with a lone surrogate": ({"title": "a\ud800b"}, "title", UNFIT),
    "text as number": ({"price": "4.50"}, "price", "must be a number"),
    "true as number": ({"price": True}, "price", "must be a number"),
    "a list as number": ({"price": [1]}, "price", "must be a number"),
    "a number too large": ({"price": 10**30}, "price", DIGITS),
    "a number as boolean": ({"sold": 1}, "sold", "must be true or false"),
    "text as boolean": ({"sold": "true"}, "sold", "must be true or false"),
    "a number as date": ({"since": 20261231}, "since", "must be a date such as 2026-12-31"),
    "a time as date": ({"since": "2026-12-31T00:00:00Z"}, "since", "must be a date such as 2026-12-31"),
    "a week as date": ({"since": "2026-W01-1"}, "since", "must be a date such as 2026-12-31"),
    "a day that is not": ({"since": "2026-02-29"}, "since", "must be a day of the calendar, such as 2026-12-31"),
    "an empty date": ({"since": ""}, "since", "must be a date such as 2026-12-31"),
    "an unknown field": (
        {"colour": "red"},
        "colour",
        "things has no field of this name",
    ),
    "the id": (
        {"id": "0198f2c4-7a1e-7c55-9d0e-3b1f6a2c8e47"},
        "id",
        "things has no field of this name",
    ),
    "SQL as a field": (
        {"title) VALUES (1); --": "x"},
        "title) VALUES (1); --",
        "things has no field of this name",
    ),
}


@pytest.mark.parametrize(("value", "field", "message"), WRONG_VALUES.values(), ids=WRONG_VALUES.keys())
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_wrong_value_is_told_by_field_and_nothing_is_stored(
    app: Flask, shop: Person, method: str, value: Any, field: str, message: str
) -> None:
    before, had = left(app), records(shop)
    path = RECORDS if method == "POST" else f"{RECORDS}/{had[0]['id']}"
    answer = shop.api(method, path, json=({"title": "Good"} if method == "POST" else {}) | value)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:freehold:problem:bad-record"
    assert problem["detail"] == "Nothing was stored. The fields of things are title, price, sold, since."
    assert problem["errors"] == [{"field": field, "message": message}]
    assert records(shop) == had
    assert more(before, left(app)) == {}


def test_all_that_is_wrong_is_told_at_once(shop: Person) -> None:
    answer = shop.api("POST", RECORDS, json={"price": "x", "sold": "y", "since": "z", "other": 1})
    assert {error["field"] for error in answer.json()["errors"]} == {"title", "price", "sold", "since", "other"}


def test_of_many_unknown_fields_some_are_named(shop: Person) -> None:
    answer = shop.api("POST", RECORDS, json={"title": "x"} | {f"{n}" * 200: n for n in range(10, 60)})
    named = [error["field"] for error in answer.json()["errors"]]
    assert (answer.status_code, len(named)) == (422, 20)
    assert {len(name) for name in named} == {60}


MALFORMED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "Expecting value"),
    "no JSON": (b"title=Bread", "Expecting value"),
    "half of it": (b'{"title": "Bread"', "Expecting ',' delimiter"),
    "a list": (b'[{"title": "Bread"}]', "Send one JSON object with the record's fields."),
    "a string": (b'"Bread"', "Send one JSON object"),
    "null": (b"null", "Send one JSON object"),
    "a number": (b"1", "Send one JSON object"),
    "a key twice": (b'{"title": "a", "title": "b"}', "a key appears twice in one object"),
    "a key twice further down": (b'{"title": {"a": 1, "a": 2}}', "a key appears twice in one object"),
    "not a number": (b'{"title": "x", "price": NaN}', "NaN is not a JSON number"),
    "infinity": (b'{"title": "x", "price": Infinity}', "Infinity is not a JSON number"),
    "minus infinity": (b'{"title": "x", "price": -Infinity}', "-Infinity is not a JSON number"),
    "an exponent out of reach": (b'{"price": 1e99999999999999999999}', "a number's exponent is out of reach"),
    "broken UTF-8": (b'{"title": "\xff"}', "can't decode byte 0xff"),
    "UTF-16": ('{"title": "x"}'.encode("utf-16"), "can't decode byte"),
    "a byte order mark": (b'\xef\xbb\xbf{"title": "x"}', "Unexpected UTF-8 BOM"),
    "a raw control character": (b'{"title": "a\x00b"}', "Invalid control character"),
    "a broken key": (b'{"\\ud800": 1}', "a key has control characters or broken Unicode"),
    "a key with NUL": (b'{"a\\u0000": 1}', "a key has control characters or broken Unicode"),
    "deep nesting": (b'{"title": ' + b"[" * 100_000, "nested too deeply"),
    "deep objects": (b'{"a":' * 100_000, "nested too deeply"),
    "single quotes": (b"{'title': 'x'}", "Expecting property name enclosed in double quotes"),
    "a comment": (b'{"title": "x" /* y */}', "Expecting ',' delimiter"),
}


@pytest.mark.parametrize(("body", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_body_is_told_and_nothing_is_stored(shop: Person, body: bytes, message: str) -> None:
    had = records(shop)
    answer = shop.api("POST", RECORDS, data=body, headers=JSON)
    assert answer.status_code == 400
    problem = answer.json()
    assert (problem["type"], problem["title"]) == (
        "urn:freehold:problem:malformed-body",
        "The body is not the JSON that is expected",
    )
    assert message in problem["detail"]
    assert "sys." not in problem["detail"]
    assert records(shop) == had


@pytest.mark.parametrize("number", ["9" * 5000, "1e40", "-1e-13", "1." + "0" * 13, "1E+999999999"])
def test_a_huge_number_is_a_wrong_value_and_no_fault_of_ours(shop: Person, number: str) -> None:
    answer = shop.api("POST", RECORDS, data=f'{{"title": "x", "price": {number}}}', headers=JSON)
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": "price", "message": DIGITS}])


@pytest.mark.parametrize(
    "kind", ["text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "x"]
)
def test_another_content_type_is_not_supported(shop: Person, kind: str) -> None:
    had = records(shop)
    for method, path in (("POST", RECORDS), ("PATCH", f"{RECORDS}/{had[0]['id']}")):
        answer = shop.api(method, path, data=b'{"title": "x"}', headers={"Content-Type": kind})
        assert answer.status_code == 415
        assert answer.json()["detail"] == "Send the body as JSON, with the header `Content-Type: application/json`."
    assert records(shop) == had


def test_json_is_taken_however_its_type_is_written(owner: Person) -> None:
    owner.define("things", title="text")
    for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
        answer = owner.api("POST", RECORDS, data='{"title": "größe"}'.encode(), headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["title"]) == (201, "größe")


def test_records_are_made_read_changed_and_deleted(owner: Person) -> None:
    owner.define("things", title="text!", price="number", sold="boolean", since="date")
    made = owner.api("POST", RECORDS, json={"title": "Bread", "price": 4.5, "since": "2026-01-31"})
    assert (made.status_code, made.headers["Content-Type"]) == (201, "application/json")
    record = made.json()
    assert list(record) == ["id", "created_at", "updated_at", "title", "price", "sold", "since"]
    assert record["created_at"] == record["updated_at"]
    assert record["created_at"].endswith("Z")
    one = f"{RECORDS}/{record['id']}"
    for host in (owner.home, owner.browser.site):
        assert owner.api("GET", one, host=host).json() == record
    changed = owner.api("PATCH", one, json={"sold": True, "price": None})
    assert changed.status_code == 200
    assert changed.json() | {"updated_at": 0} == record | {"sold": True, "price": None, "updated_at": 0}
    assert changed.json()["updated_at"] > record["updated_at"]
    assert owner.api("PATCH", one, json={}).json()["title"] == "Bread"
    gone = owner.api("DELETE", one)
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("GET", "PATCH", "DELETE"):
        answer = owner.api(method, one, json={"title": "x"})
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:freehold:problem:unknown-record")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("12345678901234567890.123456789", "12345678901234567890.123456789"),
        ("0.000000000001", "0.000000000001"),
        ("9" * 30, "9" * 30),
        ("4.50", "4.50"),
        ("1E20", "1" + "0" * 20),
        ("-0", "0"),
    ],
)
def test_a_number_keeps_every_digit(sums: Person, sent: str, kept: str) -> None:
    """Compared as text: a client's own parser might round."""
    path = "/collections/sums/records"
    made = sums.api("POST", path, data=f'{{"amount": {sent}}}', headers=JSON)
    assert made.status_code == 201
    record = json.loads(made.text)["id"]
    texts = [made.text, sums.api("GET", path).text, sums.api("GET", f"{path}/{record}").text]
    assert [f'"amount":{kept}' in text for text in texts] == [True] * 3, texts


def test_text_comes_back_as_it_was_sent(owner: Person) -> None:
    owner.define("notes", body="text")
    texts = [
        "<script>alert(1)</script>",
        "'; DROP TABLE notes; --",
        "%s %(id)s %% {} {0}",
        'quote " backslash \\ slash /',
        "line\nbreak\r\ttab",
        "ü 東京 \N{PILE OF POO} e\u0301 \u200d \N{RIGHT-TO-LEFT OVERRIDE}",
        "",
        " ",
        "null",
        "x" * 10_000,
    ]
    for text in texts:
        owner.api("POST", "/collections/notes/records", json={"body": text})
    listed = owner.api("GET", "/collections/notes/records").json()["data"]
    assert [record["body"] for record in listed] == texts


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_paging_shows_each_record_once_oldest_first(rows: Person, limit: int) -> None:
    seen, after = [], None
    for _ in range(30):
        page = rows.api("GET", "/collections/rows/records", params={"limit": limit, "after": after}).json()
        assert len(page["data"]) <= limit
        seen += [record["n"] for record in page["data"]]
        if (after := page["next"]) is None:
            break
    assert seen == list(range(23))


def test_a_page_that_ends_exactly_at_the_last_record_is_the_last(rows: Person) -> None:
    page = rows.api("GET", "/collections/rows/records?limit=23").json()
    assert (len(page["data"]), page["next"]) == (23, None)


def test_records_that_are_added_and_deleted_meanwhile_confuse_no_page(owner: Person) -> None:
    owner.define("rows", n="number")
    path = "/collections/rows/records"
    made = [owner.api("POST", path, json={"n": n}).json() for n in range(4)]
    first = owner.api("GET", f"{path}?limit=2").json()
    owner.api("DELETE", f"{path}/{made[1]['id']}")  # the cursor's own record
    owner.api("POST", path, json={"n": 4})
    rest = owner.api("GET", f"{path}?limit=100&after={first['next']}").json()
    assert [record["n"] for record in first["data"] + rest["data"]] == [0, 1, 2, 3, 4]


def test_without_a_limit_there_are_fifty(owner: Person) -> None:
    owner.define("rows", n="number")
    for n in range(51):
        owner.api("POST", "/collections/rows/records", json={"n": n})
    page = owner.api("GET", "/collections/rows/records").json()
    assert (len(page["data"]), page["next"]) == (50, page["data"][-1]["id"])


@pytest.mark.parametrize(
    "limit", ["0", "-1", "101", "1.5", "ten", "", "\u0663", "1e1", "000000050123", "9" * 99, "1 OR 1=1"]
)
def test_a_bad_limit_is_told(shop: Person, limit: str) -> None:
    answer = shop.api("GET", RECORDS, params={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "limit", "message": "must be a whole number from 1 to 100"}]
    assert answer.json()["detail"]


@pytest.mark.parametrize("after", ["x", "1", "' OR 1=1 --", "0198f2c4-7a1e-7c55-9d0e-3b1f6a2c8e4z"])
def test_a_bad_cursor_is_told(shop: Person, after: str) -> None:
    answer = shop.api("GET", RECORDS, params={"after": after})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "after", "message": "must be the `next` of a page before"}]


@pytest.mark.parametrize(
    "path",
    ["nothing", "fh_keys", "fh_collections", "pg_class", "users", "platform.users", "%22", "a%27b", "%FF", "x" * 999],
)
def test_what_is_not_a_collection_is_not_found(shop: Person, path: str) -> None:
    for method in ("GET", "POST"):
        answer = shop.api(method, f"/collections/{path}/records", json={"title": "x"})
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:freehold:problem:unknown-collection")


@pytest.mark.parametrize(
    "path", [f"{RECORDS}/a%00b", f"{RECORDS}?after=%00", "/collections/%00/records", f"{RECORDS}?x=%00"]
)
def test_a_nul_in_an_address_is_a_bad_request(shop: Person, path: str) -> None:
    answer = shop.api("GET", path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


def test_the_collections_are_listed_with_their_fields(shop: Person) -> None:
    assert shop.api("GET", "/collections").json() == {
        "data": [
            {
                "name": "things",
                "label": "Things",
                "fields": [
                    {"name": "title", "kind": "text", "required": True},
                    {"name": "price", "kind": "number", "required": False},
                    {"name": "sold", "kind": "boolean", "required": False},
                    {"name": "since", "kind": "date", "required": False},
                ],
            }
        ]
    }


def test_an_unknown_address_of_the_api_asks_for_a_key_as_well(shop: Person) -> None:
    answer = shop.browser.request("GET", f"{shop.home}/api/v1/anything")
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:freehold:problem:key-needed")
    assert shop.api("GET", "/anything").json()["type"] == "urn:freehold:problem:unknown-address"


@pytest.fixture(scope="module")
def rows(app: Flask) -> Person:
    """A business with 23 records, which are only read."""
    owner = sign_up(app, browser(app))
    owner.define("rows", n="number")
    for n in range(23):
        owner.api("POST", "/collections/rows/records", json={"n": n})
    return owner


@pytest.fixture(scope="module")
def sums(app: Flask) -> Person:
    owner = sign_up(app, browser(app))
    owner.define("sums", amount="number")
    return owner


def records(person: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.api("GET", RECORDS).json()["data"]
    return found
