"""The list of all tenants."""

import html
import re
from typing import Any

import pytest
from flask import Flask

from billing.errors import NoFlag
from billing.mirrored import flags
from saas.console import listing
from saas.console.listing import View
from saas.core.database import transaction
from saas.devstack.browser import Page
from tenants import pool
from tenants.isolation import schemas
from tests.support.database import application, empty_database, left, migrate, more, sql
from tests.support.pages import heading, words
from tests.support.people import MakeBrowser, Person, sign_up, unique
from tests.support.threads import statements

NASTY = "<script>alert('x')</script> & \"quotes\" %_'"


def test_an_operator_sees_every_workspace(operator: Person, stranger: Person) -> None:
    for person in (operator, stranger):
        page = operator.browser.open("/console", params={"q": person.tenant})
        assert (page.status, heading(page)) == (200, "Workspaces")
        row = row_of(page.text, person)
        assert all(part in row for part in (person.address, person.tenant, person.email, "Active", "Unconfirmed"))


@pytest.mark.parametrize("by", ["address", "email", "name", "id"])
def test_the_search_finds_by_name_address_owner_and_id(
    app: Flask, operator: Person, make_browser: MakeBrowser, by: str
) -> None:
    other = sign_up(app, make_browser(), f"Findme {unique()} GmbH")
    ((name,),) = sql(app, "SELECT name FROM platform.tenants WHERE id = :id", id=other.tenant)
    values = {"address": other.address, "email": other.email, "name": name}
    wanted = other.tenant if by == "id" else values[by].upper()[2:-2]
    page = operator.browser.open("/console", params={"q": wanted})
    assert row_of(page.text, other)
    assert operator.tenant not in page.text
    assert html.escape(wanted) in page.text  # what was searched for stays in the field


@pytest.mark.parametrize("wanted", ["%", "_", "\\", "' OR 1=1 --", "<script>alert(1)</script>", "x" * 5000, "%s"])
def test_a_search_is_text_and_not_a_pattern(operator: Person, wanted: str) -> None:
    page = operator.browser.open("/console", params={"q": wanted})
    assert page.status == 200
    assert operator.tenant not in page.text
    assert "<script>alert" not in page.text


def test_a_search_without_a_match_says_so(operator: Person) -> None:
    assert "Nothing matches." in words(operator.browser.open("/console", params={"q": unique()}))


STATUSES = {
    "active": "state = 'active'",
    "preparing": "state = 'preparing', revision = NULL",
    "suspended": "suspended_at = now(), suspended_reason = 'Closed for the test.', standing = 'past_due'",
    "past due": "standing = 'past_due'",
}


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_has_a_count_and_is_a_filter(
    app: Flask, operator: Person, make_browser: MakeBrowser, status: str
) -> None:
    mark = unique()
    there, other = (sign_up(app, make_browser(), f"{mark} {n}") for n in range(2))
    put_in("suspended" if status == "active" else "active", app, other)
    put_in(status, app, there)
    page = operator.browser.open("/console", params={"q": mark})
    assert counts_on(page)[status] == 1
    assert sum(counts_on(page).values()) == 2 + 2  # with the sum of all
    narrowed = operator.browser.open("/console", params={"q": mark, "status": status})
    assert row_of(narrowed.text, there)
    assert other.tenant not in narrowed.text
    sql(app, "DELETE FROM platform.tenants WHERE id IN (:one, :two)", one=there.tenant, two=other.tenant)


def test_a_trial_is_a_status(app: Flask, operator: Person, make_browser: MakeBrowser) -> None:
    person = sign_up(app, make_browser())
    sql(
        app,
        "INSERT INTO platform.subscriptions (id, tenant, status, item, amount, currency, livemode, started_at,"
        " fetched_at) VALUES (:id, :tenant, 'trialing', 'si_x', 1900, 'usd', false, now(), now())",
        id=f"sub_{unique()}",
        tenant=person.tenant,
    )
    page = operator.browser.open("/console", params={"q": person.tenant, "status": "trialing"})
    assert "Trialing" in row_of(page.text, person)


def test_what_billing_has_flagged_is_a_filter_until_somebody_clears_it(
    app: Flask, operator: Person, make_browser: MakeBrowser
) -> None:
    mark = unique()
    there, other = (sign_up(app, make_browser(), f"{mark} {n}") for n in range(2))
    page = operator.browser.open("/console", params={"q": mark})
    assert "flagged" not in counts_on(page)
    with app.app_context(), transaction():
        assert flags.raise_flag(there.tenant, "dispute", f"dp_{mark}", "The bank asks.")
        assert not flags.raise_flag(there.tenant, "dispute", f"dp_{mark}", "The bank asks.")
    page = operator.browser.open("/console", params={"q": mark, "status": "flagged"})
    assert (counts_on(page)["flagged"], other.tenant in page.text) == (1, False)
    assert "Flagged" in row_of(page.text, there)
    assert "The bank asks." in operator.browser.open(f"/console/tenants/{there.tenant}").text
    with app.app_context(), transaction():
        (flag,) = flags.open_of(there.tenant)
        flags.clear(there.tenant, flag.id, actor="user:tests", reason="Answered.")
    page = operator.browser.open("/console", params={"q": mark})
    assert "flagged" not in counts_on(page)
    with app.app_context(), transaction(), pytest.raises(NoFlag):
        flags.clear(there.tenant, flag.id, actor="user:tests", reason="Again.")


@pytest.mark.parametrize("status", ["' OR 1=1 --", "spare", "x"])
def test_a_status_that_is_none_shows_nobody(operator: Person, status: str) -> None:
    page = operator.browser.open("/console", params={"status": status})
    assert page.status == 200
    assert "Nothing matches." in words(page)


def test_spare_schemas_are_counted_but_not_listed(app: Flask, operator: Person) -> None:
    ((spare,),) = sql(app, "SELECT id FROM platform.tenants WHERE state = 'spare' LIMIT 1")
    page = operator.browser.open("/console", params={"q": spare})
    assert not re.search(rf"<td[^>]*>{spare}", page.text)
    assert "spare schema" in words(page)


def test_names_with_html_are_text(app: Flask, operator: Person, stranger: Person) -> None:
    sql(app, "UPDATE platform.tenants SET name = :name WHERE id = :id", name=NASTY, id=stranger.tenant)
    page = operator.browser.open("/console", params={"q": NASTY})
    assert NASTY in html.unescape(row_of(page.text, stranger))
    assert "<script>alert" not in page.text
    assert "<script>alert" not in operator.browser.open(f"/console/tenants/{stranger.tenant}").text


SORTED = {
    "name": ["alpha", "Beta", "gamma"],
    "-name": ["gamma", "Beta", "alpha"],
    "-opened": ["gamma", "alpha", "Beta"],
    "opened": ["Beta", "alpha", "gamma"],
    "plan": ["alpha", "gamma", "Beta"],
    "-plan": ["Beta", "gamma", "alpha"],
    "members": ["Beta", "gamma", "alpha"],
    "-members": ["alpha", "gamma", "Beta"],
    "-records": ["Beta", "gamma", "alpha"],
    "records": ["alpha", "gamma", "Beta"],
    "nonsense; DROP": ["gamma", "alpha", "Beta"],
}


def test_each_column_sorts_both_ways(app: Flask, operator: Person) -> None:
    mark = unique()
    fill(app, f"{mark} Beta", days=3, plan="starter", members=0, records=9)
    fill(app, f"{mark} alpha", days=2, plan="free", members=2, records=0)
    fill(app, f"{mark} gamma", days=1, plan="growth", members=1, records=5)
    for sort, expected in SORTED.items():
        page = operator.browser.open("/console", params={"q": mark, "sort": sort})
        assert re.findall(rf">{mark} (\w+)</a>", page.text) == expected, sort
    page = operator.browser.open("/console", params={"q": mark, "sort": "name"})
    assert 'aria-sort="ascending"' in page.text
    assert "sort=-name" in page.text  # the same column again turns it round
    sql(app, "DELETE FROM platform.tenants WHERE name LIKE :mark", mark=f"{mark} %")  # they have no schemas


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "9" * 40, "1.5", "' OR 1=1"])
def test_a_page_that_is_none_breaks_nothing(operator: Person, page: str) -> None:
    assert operator.browser.open("/console", params={"page": page}).status == 200


def test_looking_changes_nothing(app: Flask, operator: Person) -> None:
    before = left(app)
    operator.browser.open("/console?q=x&status=active&sort=name&page=2")
    operator.browser.open(f"/console/tenants/{operator.tenant}")
    assert more(before, left(app)) == {}


def test_ten_thousand_tenants_take_as_many_queries_as_three(
    request: pytest.FixtureRequest, settings: Any, operator: Person
) -> None:
    """In a database of its own; each page once, without a gap, whatever it is sorted by."""
    own = empty_database(request.config, settings)
    with application(own) as app:
        migrate(app)
        few = looked(app)
        sql(app, MANY)
        assert looked(app) == few <= 3
        for sort in ("name", "-members"):
            seen = [row.id for page in (1, 2, 3) for row in rows_of(app, View(sort=sort, page=page))]
            assert len(set(seen)) == 3 * listing.PAGE_SIZE
        last = View(page=10_000 // listing.PAGE_SIZE)
        assert len(rows_of(app, last)) == listing.PAGE_SIZE
        assert rows_of(app, last.at(last.page + 1)) == []


MANY = """
    WITH made AS (
        INSERT INTO platform.tenants (id, state, revision, name, address, opened_at)
            SELECT 't_' || lpad(n::text, 16, 'x'), 'active', '0001', 'Shop ' || n, 'shop-' || n,
                   now() - make_interval(mins => n) FROM generate_series(1, 10000) n
        RETURNING id),
    people AS (
        INSERT INTO platform.users (id, email, operator)
            SELECT gen_random_uuid(), id || '@example.com', false FROM made RETURNING id, email)
    INSERT INTO platform.memberships (tenant, user_id, role)
        SELECT split_part(email, '@', 1), id, 'owner' FROM people
"""


def looked(app: Flask) -> int:
    with statements(app) as sent:
        rows_of(app, View(search="shop"))
        with app.app_context():
            listing.counts("shop")
            pool.standing()
    return len(sent)


def rows_of(app: Flask, view: View) -> list[Any]:
    with app.app_context():
        return list(listing.tenants(view)[0])


def put_in(status: str, app: Flask, person: Person) -> None:
    sql(app, f"UPDATE platform.tenants SET {STATUSES[status]} WHERE id = :id", id=person.tenant)


def fill(app: Flask, name: str, *, days: int, plan: str, members: int, records: int) -> None:
    tenant = schemas.new_id()
    sql(
        app,
        "INSERT INTO platform.tenants (id, state, revision, name, address, opened_at, plan) VALUES"
        " (:id, 'active', '0001', :name, :address, now() - make_interval(days => :days), :plan)",
        id=tenant, name=name, address=f"shop-{unique()}", days=days, plan=plan,
    )  # fmt: skip
    sql(
        app,
        "INSERT INTO platform.memberships (tenant, user_id, role) SELECT :tenant, id, 'viewer' FROM platform.users"
        " LIMIT :members",
        tenant=tenant,
        members=members,
    )
    sql(
        app,
        "INSERT INTO platform.usage (tenant, resource, period, used) VALUES (:tenant, 'records', '', :records)",
        tenant=tenant,
        records=records,
    )


def counts_on(page: Page) -> dict[str, int]:
    found = re.search(r'aria-label="Status">(.*?)</nav>', page.text, re.DOTALL)
    assert found
    items = re.findall(r">([A-Z][a-z ]+?) <span>([\d,]+)</span>", found[1])
    return {name.lower(): int(n.replace(",", "")) for name, n in items}


def row_of(text: str, person: Person) -> str:
    """The table row with a person's workspace."""
    rows = [row for row in text.split("<tr>") if person.tenant in row and "<th" in row and "<td" in row]
    assert len(rows) == 1, text
    return rows[0]
