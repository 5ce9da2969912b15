"""The audit of all tenants."""

import re

import pytest
from flask import Flask

from saas.core.ids import uuid7
from saas.devstack.browser import Page
from tests.support.database import sql
from tests.support.pages import words
from tests.support.people import Person, unique


def test_it_is_narrowed_to_tenant_actor_and_action(
    app: Flask, operator: Person, owner: Person, stranger: Person
) -> None:
    for wanted in ({"tenant": owner.tenant}, {"tenant": owner.address.upper()}, {"actor": owner.email.upper()}):
        shown = words(audit(operator, action="tenant.opened", **wanted))
        assert owner.tenant in shown, wanted
        assert stranger.tenant not in shown, wanted
    assert stranger.tenant in words(audit(operator, action="tenant.opened"))  # the control
    assert "Tenant: opened" not in words(audit(operator, action="user."))
    assert "Nothing here" in words(audit(operator, actor=unique()))
    assert "Nothing here" in words(audit(operator, action="%"))


@pytest.mark.parametrize("wanted", ["' OR 1=1 --", "%", "_", "\\", "x" * 5000, "user:x"])
@pytest.mark.parametrize("field", ["tenant", "actor", "action", "before"])
def test_what_nothing_matches_breaks_nothing(operator: Person, field: str, wanted: str) -> None:
    assert audit(operator, **{field: wanted}).status == 200


def test_it_is_read_page_by_page_without_a_gap(app: Flask, operator: Person) -> None:
    action = f"tests.{unique()}"
    sql(
        app,
        "INSERT INTO platform.audit (id, actor, action, detail) SELECT id, 'system', CAST(:a AS text),"
        " jsonb_build_object('n', n) FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS made (id, n)",
        a=action,
        ids=sorted(uuid7() for _ in range(120)),
    )
    page = audit(operator, action=action)
    seen = numbers(page)
    while link := re.search(r'href="([^"]*before=[^"]*)">\s*Next page', page.text):
        page = operator.browser.open(link[1].replace("&amp;", "&"))
        seen += numbers(page)
    assert seen == list(range(120, 0, -1))


def test_the_actor_is_shown_by_email_while_there_is_one(app: Flask, operator: Person, owner: Person) -> None:
    gone = f"user:{uuid7()}"
    sql(
        app,
        "INSERT INTO platform.audit (id, tenant, actor, action, detail) VALUES (:id, :t, :gone, 'tests.gone', '{}')",
        id=uuid7(),
        t=owner.tenant,
        gone=gone,
    )
    shown = words(audit(operator, tenant=owner.tenant))
    assert owner.email in shown
    assert gone in shown


def audit(operator: Person, **wanted: str) -> Page:
    return operator.browser.open("/console/audit", params=wanted)


def numbers(page: Page) -> list[int]:
    return [int(n) for n in re.findall(r"<li>n: (\d+)</li>", page.text)]
