"""Stocks: counted in the transaction that changes them, refused at the limit, exact under races."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects.postgresql import insert

from saas.core.database import db, transaction
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.errors import LimitReached
from tenants.usage import limits, stocks
from tenants.usage.limits import COLLECTIONS, RECORDS, SEATS, STORAGE, Limit
from tenants.usage.models import Usage
from tests.support.contexts import context
from tests.support.database import sql, waits
from tests.support.live import eventually
from tests.support.pages import heading, words
from tests.support.people import MakeBrowser, Person, allow, sign_up
from tests.support.threads import together


def used(app: Flask, tenant: str, resource: str = "records") -> int:
    query = "SELECT used FROM platform.usage WHERE tenant = :t AND resource = :r AND period = ''"
    rows = sql(app, query, t=tenant, r=resource)
    return int(rows[0].used) if rows else 0


def test_records_are_counted_as_they_come_and_go(app: Flask, owner: Person) -> None:
    owner.define("notes", body="text")
    ids = [owner.api("POST", "/collections/notes/records", json={"body": "x"}).json()["id"] for _ in range(3)]
    assert (used(app, owner.tenant), used(app, owner.tenant, "collections")) == (3, 1)
    assert owner.api("DELETE", f"/collections/notes/records/{ids[0]}").status_code == 204
    assert used(app, owner.tenant) == 2
    assert owner.api("DELETE", f"/collections/notes/records/{ids[0]}").status_code == 404
    assert used(app, owner.tenant) == 2  # what was not there is not taken off
    drop = owner.open("/collections/notes/drop")
    owner.browser.send(drop, "", "name", name="notes")
    assert (used(app, owner.tenant), used(app, owner.tenant, "collections")) == (0, 0)


def test_the_record_over_the_limit_is_refused_with_a_way_on(app: Flask, owner: Person) -> None:
    owner.define("notes", body="text")
    allow(app, owner.tenant, records=1)
    call = owner.api("POST", "/collections/notes/records", json={"body": "kept"})
    assert call.status_code == 201
    refused = owner.api("POST", "/collections/notes/records", json={"body": "refused"})
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (402, "urn:freehold:problem:limit-reached")
    assert problem["detail"].startswith("Records: your plan allows no more")
    assert problem["help"] == f"{owner.home}/usage"
    listed = owner.api("GET", "/collections/notes/records").json()["data"]
    assert [record["body"] for record in listed] == ["kept"]
    page = owner.browser.send(owner.open("/collections/notes"), "/records", value__body="refused")
    assert page.status == 402
    allow(app, owner.tenant, records=2)
    assert owner.api("POST", "/collections/notes/records", json={"body": "more"}).status_code == 201


def test_a_collection_over_the_limit_is_refused(app: Flask, owner: Person) -> None:
    allow(app, owner.tenant, collections=1)
    owner.define("notes", body="text")
    page = owner.browser.send(
        owner.open("/collections/new"), "", "label", label="More", name="more", fields__0__name="x"
    )
    assert page.status == 422
    assert "Collections: your plan allows no more" in words(page)
    assert [row["name"] for row in owner.api("GET", "/collections").json()["data"]] == ["notes"]


def test_storage_that_is_full_takes_no_more_records(app: Flask, owner: Person) -> None:
    owner.define("notes", body="text")
    allow(app, owner.tenant, storage=10)
    insert = "INSERT INTO platform.usage VALUES (:t, 'storage', '', :n)"
    sql(app, insert, t=owner.tenant, n=9)
    assert owner.api("POST", "/collections/notes/records", json={"body": "x"}).status_code == 201
    sql(app, "UPDATE platform.usage SET used = 10 WHERE tenant = :t AND resource = 'storage'", t=owner.tenant)
    refused = owner.api("POST", "/collections/notes/records", json={"body": "x"})
    assert refused.status_code == 402
    assert refused.json()["detail"].startswith("Storage: ")


@pytest.mark.parametrize(("limits", "most"), [({}, SEATS.default), ({"seats": None}, 50), ({"seats": 0}, 0)])
def test_a_limit_that_is_not_named_has_its_default_and_null_is_none(
    app: Flask, owner: Person, limits: dict[str, int | None], most: int
) -> None:
    statement = "UPDATE platform.tenants SET limits = CAST(:limits AS jsonb) WHERE id = :t"
    sql(app, statement, t=owner.tenant, limits="{}" if not limits else f'{{"seats": {limits["seats"] or 0}}}')
    if limits == {"seats": None}:
        sql(app, """UPDATE platform.tenants SET limits = '{"seats": null}' WHERE id = :t""", t=owner.tenant)
    sql(app, "DELETE FROM platform.usage WHERE tenant = :t AND resource = 'seats'", t=owner.tenant)
    counted = 0
    with contextlib.suppress(LimitReached):
        while counted < 50:
            with context(app), transaction():
                stocks.add(SEATS, tenant=owner.tenant)
            counted += 1
    assert (counted, used(app, owner.tenant, "seats")) == (most, most)


LIMIT, CREATORS = 100, 50


def race(app: Flask, owner: Person) -> tuple[int, int]:
    """Many take what is left at the same moment; returns how many were let through, and what was stored."""
    owner.define("notes", body="text")
    allow(app, owner.tenant, records=LIMIT)
    owner.key()

    def create() -> int:
        return sum(status() == 201 for _ in range(3))

    def status() -> int:
        while (answer := owner.api("POST", "/collections/notes/records", json={"body": "x"})).status_code == 503:
            pass  # so many at once may have to come again
        return int(answer.status_code)

    passed = sum(together(*[create] * CREATORS))
    with context(app, owner.tenant) as session:
        stored = session.scalar(sa.text('SELECT count(*) FROM "notes"')) or 0
    return passed, stored


def test_at_a_limit_all_at_once_end_at_exactly_that_many(app: Flask, owner: Person) -> None:
    assert race(app, owner) == (LIMIT, LIMIT)
    assert used(app, owner.tenant) == LIMIT


def test_control_looking_first_and_counting_later_lets_too_many_through(
    app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used_here(limit: Limit) -> int:
        mine = (Usage.resource == limit.name, Usage.period == "")
        return db.session.scalar(sa.select(Usage.used).where(*mine)) or 0

    def look_first(limit: Limit, n: int = 1, **_named: object) -> None:
        if used_here(limit) + n > LIMIT:
            raise LimitReached(limit.label)
        db.session.execute(
            insert(Usage)
            .values(tenant=owner.tenant, resource=limit.name, period="", used=n)
            .on_conflict_do_update(index_elements=["tenant", "resource", "period"], set_={"used": Usage.used + n})
        )

    monkeypatch.setattr(stocks, "add", look_first)
    passed, stored = race(app, owner)
    assert passed == stored > LIMIT


def test_the_page_shows_usage_against_limits(app: Flask, owner: Person, make_browser: MakeBrowser) -> None:
    fresh = sign_up(app, make_browser(), limited=True)
    text = words(fresh.open("/usage"))
    assert heading(fresh.open("/usage")) == "Usage"
    assert f"Seats 1 of {SEATS.default}" in text
    assert f"Records 0 of {RECORDS.default:,}" in text
    assert "Storage 0 Bytes of 100.0 MiB" in text
    allow(app, fresh.tenant, collections=1)
    fresh.define("notes", body="text")
    text = words(fresh.open("/usage"))
    assert "Collections 1 of 1 100 % The limit is reached." in text
    assert "Records 0, no limit" in text


def test_what_is_rolled_back_was_not_counted(app: Flask, owner: Person) -> None:
    with context(app, owner.tenant) as session:
        stocks.add(COLLECTIONS)
        session.rollback()
    assert used(app, owner.tenant, "collections") == 0


def test_the_first_record_of_all_and_the_drop_of_its_collection_agree_on_the_count(app: Flask, owner: Person) -> None:
    """There is no row to wait for yet when the drop comes; so it makes one."""
    owner.define("notes", body="text")

    def drop() -> None:
        with context(app, owner.tenant), transaction():
            collections.drop(collections.get("notes"), actor="system")

    with ThreadPoolExecutor() as pool, context(app, owner.tenant) as session:
        records.create(collections.get("notes"), {"body": "x"})
        dropping = pool.submit(drop)
        eventually(lambda: waits(app))
        session.commit()
        dropping.result(20)
    assert (used(app, owner.tenant), used(app, owner.tenant, "collections")) == (0, 0)


def test_a_neighbours_usage_can_not_be_counted_for_them(app: Flask, owner: Person, stranger: Person) -> None:
    with context(app, stranger.tenant), pytest.raises(LimitReached):
        stocks.add(STORAGE, tenant=owner.tenant)  # bound, one sees one's own limits only
    assert used(app, owner.tenant, "storage") == 0


def test_a_limit_whose_name_could_not_be_counted_under_is_not_defined() -> None:
    name = "x" * (limits.LONGEST_NAME + 1)
    with pytest.raises(ValueError, match="longer than 40 characters"):
        limits.define(Limit(name, "Too long", "stock", 1))
    assert name not in {limit.name for limit in limits.every()}
