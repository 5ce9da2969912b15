"""Billing's pages belong to the workspace, and to the roles that may see them or pay."""

from collections.abc import Callable

import pytest
from flask import Flask

from saas.devstack.browser import Browser
from tenants.members.models import Role
from tests.support.database import sql
from tests.support.payments import Stripe, choose, subscribe
from tests.support.people import Person, join

PAGES = ("/billing", "/billing/choose?plan=scale", "/billing/return?checkout=ID")
FORMS = ("checkout", "change", "cancel", "resume", "portal")
MANAGE, READ = {Role.OWNER, Role.BILLING}, {Role.OWNER, Role.BILLING, Role.ADMIN}


@pytest.fixture(autouse=True)
def _form_tokens_off(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all would end at the missing token, and nothing be said of what comes after it."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)


def holdings(app: Flask, owner: Person) -> list[object]:
    tables = ("checkouts", "customers", "subscriptions", "invoices", "grants", "access_changes", "audit")
    return [
        sql(app, f"SELECT * FROM platform.{table} WHERE tenant = :t ORDER BY 1", t=owner.tenant) for table in tables
    ]


def checkout_of(app: Flask, owner: Person) -> str:
    ((id_,),) = sql(app, "SELECT id FROM platform.checkouts WHERE tenant = :t", t=owner.tenant)
    return str(id_)


def test_a_stranger_sees_and_does_nothing(app: Flask, owner: Person, stranger: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner)
    id_, before = checkout_of(app, owner), holdings(app, owner)
    ((number,),) = sql(app, "SELECT number FROM platform.invoices WHERE tenant = :t", t=owner.tenant)
    stripe.forget_calls()
    for path in PAGES:
        answer = stranger.browser.open(owner.home + path.replace("ID", id_))
        assert answer.status == 403
        assert number not in answer.text
    for path in FORMS:
        answer = stranger.browser.request(
            "POST", f"{owner.home}/billing/{path}", data={"plan": "scale", "interval": "month"},
            headers={"Origin": owner.home},
        )  # fmt: skip
        assert answer.status_code in {302, 403}
        assert "stripe" not in answer.headers.get("Location", "")
    # The owner's payment, asked for in the stranger's own workspace.
    assert stranger.open(f"/billing/return?checkout={id_}").status == 404
    assert number not in stranger.open("/billing").text
    assert holdings(app, owner) == before
    assert stripe.calls("post") == {}
    assert number in owner.open("/billing").text  # the control
    assert owner.open(f"/billing/return?checkout={id_}").status == 200


@pytest.mark.parametrize("role", [role for role in Role if role != Role.OWNER])
def test_each_role_may_what_the_table_says(
    app: Flask, owner: Person, make_browser: Callable[[], Browser], stripe: Stripe, role: Role
) -> None:
    choose(owner)
    id_ = checkout_of(app, owner)
    mate = join(app, owner, make_browser(), role)
    pages = [mate.open(path.replace("ID", id_)).status for path in PAGES]
    reads, manages = (200 if role in READ else 403), (200 if role in MANAGE else 403)
    assert pages == [reads, manages, reads]
    before = holdings(app, owner)
    stripe.forget_calls()
    for path in FORMS:
        answer = mate.browser.request(
            "POST", f"{owner.home}/billing/{path}", data={"plan": "starter", "interval": "month"},
            headers={"Origin": owner.home},
        )  # fmt: skip
        assert (answer.status_code != 403) is (role in MANAGE), f"{path}: {answer.status_code}"
    if role not in MANAGE:
        assert holdings(app, owner) == before
        assert stripe.calls("post") == {}
    if role == Role.ADMIN:
        assert not mate.open("/billing").forms or "/billing/" not in "".join(
            f.action for f in mate.open("/billing").forms
        )


def test_a_plan_granted_to_one_is_nobody_elses(app: Flask, owner: Person, stranger: Person, stripe: Stripe) -> None:
    subscribe(stripe, owner, "scale")
    rows = sql(app, "SELECT id, plan FROM platform.tenants WHERE id IN (:a, :b)", a=owner.tenant, b=stranger.tenant)
    assert {row.id: row.plan for row in rows} == {owner.tenant: "scale", stranger.tenant: "free"}
