"""One tenant's page: facts, members, usage, what it pays, its timeline, notes."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from billing.entitlement import overrides
from saas.console import history
from saas.core.database import transaction
from saas.core.ids import uuid7
from saas.devstack.browser import Page
from tests.support.database import left, more, sql
from tests.support.pages import error_at, heading, words
from tests.support.payments import Stripe, subscribe
from tests.support.people import MakeBrowser, Person, join
from tests.support.threads import statements

NASTY = "<script>alert('x')</script> & \"quotes\""


def test_it_shows_facts_members_and_usage(
    app: Flask, operator: Person, owner: Person, make_browser: MakeBrowser
) -> None:
    mate = join(app, owner, make_browser())
    sql(app, "UPDATE platform.tenants SET limits = '{\"records\": 4}' WHERE id = :id", id=owner.tenant)
    owner.define("products", title="text")
    for title in ("Bread", "Rolls", "Cake"):
        assert owner.api("POST", "/collections/products/records", json={"title": title}).status_code == 201
    page = open_tenant(operator, owner)
    assert heading(page) == "Owner & Sons"
    shown = words(page)
    for part in (owner.address, owner.tenant, "Records 3 of 4", "Seats 2 of 2", "No subscription"):
        assert part in shown, part
    for email, role in ((owner.email, "Owner"), (mate.email, "Developer")):
        assert re.search(rf"{email} \S Empty {role} No", shown), email


def test_it_shows_what_is_paid_and_why_access_changed(
    app: Flask, operator: Person, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter")
    shown = words(open_tenant(operator, owner))
    assert "Plan paid for Starter, version 1 Price $19.00 a month" in shown
    assert re.search(r"Invoices Number .* Paid \$19.00 \$19.00 \$0.00", shown)
    assert "plan: free → starter" in shown
    assert re.search("Records: (No limit|1,000) → 20,000", shown)  # the tests set no limits


def test_it_shows_what_was_given_what_is_to_come_and_how_it_stands(
    app: Flask, operator: Person, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner, "starter", "year")
    with app.app_context(), transaction():
        about = {"actor": f"user:{id_of(app, operator)}", "reason": "They move house."}
        overrides.override(owner.tenant, "records", 25, datetime.now(UTC) + timedelta(days=9), **about)
        overrides.override(owner.tenant, "usage_export", 1, None, **about)
    sql(
        app,
        "UPDATE platform.subscriptions SET seats = 2, seats_paid = 3, seats_paid_until = period_end,"
        " discount = '10% off', next_plan = 'starter', next_version = 1, next_interval = 'month', next_at = period_end,"
        " status = 'past_due' WHERE tenant = :t",
        t=owner.tenant,
    )
    sql(app, "UPDATE platform.customers SET balance = -1250 WHERE tenant = :t", t=owner.tenant)
    sql(app, "UPDATE platform.tenants SET standing = 'past_due' WHERE id = :t", t=owner.tenant)
    shown = words(open_tenant(operator, owner))
    for part in (
        "Discount 10% off", "More seats 2, and 3 until", "Changes to Starter, version 1, by the month, on",
        "Standing Past due Read only from", "Credit $12.50", "Records: 25 until",
        "Usage as CSV: Yes until somebody ends", f"{operator.email}, ", "They move house.",
    ):  # fmt: skip
        assert part in shown, part


def test_the_page_takes_as_many_queries_however_much_there_is(app: Flask, operator: Person, owner: Person) -> None:
    with statements(app) as few:
        open_tenant(operator, owner)
    fill_audit(app, owner, 200)
    for _ in range(3):
        note(operator, owner, "Once more.")
    with statements(app) as many:
        open_tenant(operator, owner)
    assert len(many) <= len(few) + 1  # whose notes they are


def test_a_note_is_kept_and_shown_to_operators_only(app: Flask, operator: Person, owner: Person) -> None:
    page = note(operator, owner, f"{NASTY}\nSecond line.")
    assert page.url.endswith(f"/console/tenants/{owner.tenant}")
    assert "The note is kept." in words(page)
    assert f"{NASTY} Second line." in words(page)
    assert "<script>alert" not in page.text
    assert operator.email in words(page)
    assert "quotes" not in owner.open("/home").text


@pytest.mark.parametrize(
    ("text", "status"), [("", 422), ("  ", 422), ("x" * 2000, 200), ("x" * 2001, 422), ("\x01", 422)]
)
def test_a_note_has_one_to_two_thousand_characters(
    app: Flask, operator: Person, owner: Person, text: str, status: int
) -> None:
    before = left(app)
    page = note(operator, owner, text)
    assert page.status == status
    assert bool(error_at(page, "text")) is (status == 422)
    assert more(before, left(app)) == {}  # of what is not a note
    assert len(sql(app, "SELECT 1 FROM platform.notes WHERE tenant = :t", t=owner.tenant)) == (status == 200)


def test_a_note_of_a_tenant_that_is_not_there_is_not_found(operator: Person, owner: Person) -> None:
    page = open_tenant(operator, owner)
    page.form("/notes").action = page.form("/notes").action.replace(owner.tenant, "t_0000000000000000")
    assert operator.browser.send(page, "/notes", "text", text="Hello").status == 404


def test_the_timeline_is_read_page_by_page_without_a_gap(app: Flask, operator: Person, owner: Person) -> None:
    fill_audit(app, owner, history.PAGE_SIZE + 5)
    note(operator, owner, "The newest of all.")
    page = open_tenant(operator, owner)
    titles = events_on(page)
    assert len(titles) == history.PAGE_SIZE
    assert "The newest of all." in titles[0]
    while link := re.search(r'href="([^"]*before=[^"]*)">\s*Next page', page.text):
        page = operator.browser.open(link[1])
        titles += events_on(page)
    marks = [int(found[1]) for title in titles if (found := re.search(r"Tests mark (\d+)", title))]
    assert marks == list(reversed(range(history.PAGE_SIZE + 5)))
    assert any("Tenant: opened" in title for title in titles[-3:])


def test_another_tenants_events_are_not_in_it(app: Flask, operator: Person, owner: Person, stranger: Person) -> None:
    fill_audit(app, stranger, 3)
    note(operator, stranger, "Of the stranger.")
    shown = words(open_tenant(operator, owner))
    assert "Tests mark" not in shown
    assert "Of the stranger." not in shown
    assert "Tests mark" in words(open_tenant(operator, stranger))  # the control


@pytest.mark.parametrize("before", ["x", "' OR 1=1", "00000000-0000-0000-0000-000000000000"])
def test_a_place_in_the_timeline_that_is_none_breaks_nothing(operator: Person, owner: Person, before: str) -> None:
    assert operator.browser.open(f"/console/tenants/{owner.tenant}", params={"before": before}).status == 200


def open_tenant(operator: Person, person: Person) -> Page:
    page = operator.browser.open(f"/console/tenants/{person.tenant}")
    assert page.status == 200, page.text
    return page


def note(operator: Person, person: Person, text: str) -> Page:
    return operator.browser.send(open_tenant(operator, person), "/notes", "text", text=text)


def fill_audit(app: Flask, person: Person, many: int) -> None:
    """Rows with a number each, later than those that are there, in an order of their ids."""
    sql(
        app,
        "INSERT INTO platform.audit (id, tenant, actor, action, detail)"
        " SELECT id, :t, 'system', 'tests mark ' || n - 1, '{}'"
        " FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS made (id, n)",
        t=person.tenant,
        ids=sorted(uuid7() for _ in range(many)),
    )


def events_on(page: Page) -> list[str]:
    found = re.search(r'id="c-timeline".*?<ol class="timeline">(.*?)</ol>', page.text, re.DOTALL)
    assert found, page.text
    return [" ".join(re.sub(r"<[^>]+>", " ", item).split()) for item in found[1].split("<li>\n    <div")[1:]]


def id_of(app: Flask, person: Person) -> str:
    ((found,),) = sql(app, "SELECT id FROM platform.users WHERE email = :email", email=person.email)
    return str(found)
