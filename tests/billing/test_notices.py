"""What is told by mail is told once, to those who look after the payments, whatever brings it up how often."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from billing.entitlement import notices
from billing.inbox import reconcile
from saas.core.database import rollback, transaction
from saas.core.jobs import enqueue
from tenants.members.models import Role
from tests.support import database
from tests.support.database import sql
from tests.support.payments import Stripe, subscribe, work
from tests.support.people import Person, join, unique


def receipts(app: Flask, *people: Person) -> list[str]:
    """To whom of them receipts went."""
    query = 'SELECT "to" FROM platform.mails WHERE subject LIKE \'Receipt%\' AND "to" = ANY(:who) ORDER BY id'
    return [row.to for row in sql(app, query, who=[person.email for person in people])]


def test_owners_and_the_role_billing_are_told_and_nobody_else(app: Flask, owner: Person, stripe: Stripe) -> None:
    mates = [join(app, owner, database.browser(app), role) for role in (Role.BILLING, Role.ADMIN, Role.OWNER)]
    subscribe(stripe, owner)
    assert receipts(app, owner, *mates) == [owner.email, mates[0].email, mates[2].email]


def test_a_receipt_says_what_was_paid_for_what_and_where_the_invoice_is(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    subscribe(stripe, owner)
    ((subject, text),) = sql(app, "SELECT subject, text FROM platform.mails WHERE \"to\" = :e AND subject LIKE 'Rec%'",
                             e=owner.email)  # fmt: skip
    ((number, page, pdf, start, end),) = sql(
        app,
        "SELECT i.number, i.page_url, i.pdf_url, s.period_start, s.period_end FROM platform.invoices i"
        " JOIN platform.subscriptions s ON s.id = i.subscription WHERE i.tenant = :t",
        t=owner.tenant,
    )
    assert subject == "Receipt for Owner & Sons: $19.00"
    assert f"Invoice: {number}\nPeriod:  {start:%-d %B %Y} to {end:%-d %B %Y}\n" in text
    assert {page, pdf, f"{owner.home}/billing"} <= set(text.splitlines())


def test_what_is_told_by_events_and_jobs_again_and_again_is_told_once(
    app: Flask, owner: Person, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(stripe, owner)
    stripe.last = None
    stripe.deliver(owner.browser, each=True)  # all events again
    look(app, owner)
    assert receipts(app, owner) == [owner.email]
    with monkeypatch.context() as patched:  # the control: without its row it is told each time
        patched.setattr(notices, "first", lambda *_about: True)
        sql(app, "DELETE FROM platform.billing_notices WHERE tenant = :t", t=owner.tenant)
        look(app, owner)
        look(app, owner)
    assert receipts(app, owner) == [owner.email] * 3


def handle_again(app: Flask, owner: Person) -> None:
    """Each event that has come for this workspace."""
    query = "UPDATE platform.stripe_events SET handled_at = NULL WHERE tenant = :t RETURNING id"
    ids = [row.id for row in sql(app, query, t=owner.tenant)]
    assert len(ids) > 3
    with app.app_context(), transaction():
        for id_ in ids:
            enqueue("billing.handle", args=(id_,))
    work(app, "billing.handle")


def look(app: Flask, owner: Person) -> None:
    """As the daily job does."""
    with app.app_context():
        with transaction():
            wanted = reconcile.whom(owner.tenant)
        assert wanted
        looked = reconcile.ask(wanted)
        with transaction():
            reconcile.keep(owner.tenant, looked)


def test_two_that_tell_the_same_at_the_same_moment_tell_it_once(app: Flask, owner: Person) -> None:
    gate, about = Barrier(2), unique()

    def tell(_turn: int) -> bool:
        with app.app_context(), transaction():
            gate.wait(30)
            return notices.tell(owner.tenant, "works-again", about)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tell, range(2))) == [False, True]
    query = "SELECT count(*) FROM platform.mails WHERE \"to\" = :e AND subject LIKE '%everything works again'"
    assert sql(app, query, e=owner.email) == [(1,)]


def test_what_is_told_in_a_transaction_that_fails_is_told_by_the_next(app: Flask, owner: Person) -> None:
    about = unique()
    with app.app_context():
        assert notices.tell(owner.tenant, "works-again", about)
        rollback()
        assert notices.tell(owner.tenant, "works-again", about)
        assert not notices.tell(owner.tenant, "works-again", about)
        rollback()


def test_a_mail_from_a_job_leads_to_the_workspace_though_nobody_asks_for_a_page(app: Flask, owner: Person) -> None:
    with app.app_context(), transaction():
        notices.tell(owner.tenant, "works-again", unique())
    query = "SELECT text FROM platform.mails WHERE \"to\" = :e AND subject LIKE '%everything works again'"
    ((text,),) = sql(app, query, e=owner.email)
    assert f"\n{owner.home}/billing\n" in text
