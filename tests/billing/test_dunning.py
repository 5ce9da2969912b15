"""A payment fails: how long everything works, what is closed when, what is told, and that paying opens it at once.

Stripe's test clock says what time it is.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from billing.acting import paying
from billing.entitlement import entitlements, grants
from billing.entitlement.entitlements import Cause
from billing.inbox.reconcile import Looked
from billing.mirrored import mirror
from billing.models import Invoice, Subscription
from billing.plans import catalog
from billing.plans.model import Dunning
from saas.core.database import db, transaction
from saas.devstack.browser import Page
from tests.support.clocks import FAILS, Clocked, clocked_payer
from tests.support.database import sql
from tests.support.pages import heading, words
from tests.support.payments import FAILS_LATER, VISA, Stripe, location, plan_of, submit
from tests.support.people import Person, unique
from tests.support.standin import opened, send

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
SETTLED = timedelta(hours=2)  # after a renewal: Stripe leaves its invoice a draft for an hour
ASKS_EACH_TIME = "4000002760003184"
STEPS = [("read_only", 14), ("suspended", 28)]


@pytest.fixture
def late(app: Flask, owner: Person, stripe: Stripe) -> Clocked:
    """A business whose first renewal has failed."""
    made = clocked_payer(app, stripe, owner)
    made.pays_with(FAILS)
    made.reach(renewal(app, owner) + SETTLED)
    assert plan_of(app, owner)[::2] == ("starter", "past_due")
    return made


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Set the days of the catalogue's steps."""

    def given(read_only: int | None = None, suspended: int | None = None, cancelled: int | None = None) -> None:
        monkeypatch.setattr(catalog, "dunning", lambda: Dunning(read_only, suspended, cancelled))

    yield given
    monkeypatch.undo()


def renewal(app: Flask, owner: Person) -> datetime:
    ((at,),) = sql(app, "SELECT period_end FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    assert isinstance(at, datetime)
    return at


def since(app: Flask, owner: Person) -> datetime:
    """When the first payment failed."""
    with app.app_context(), transaction():
        found = mirror.subscription_of(owner.tenant)
        at = mirror.overdue_since(found) if found else None
    assert at is not None
    return at


def standing(app: Flask, owner: Person) -> str:
    return plan_of(app, owner)[2]


def mails(app: Flask, owner: Person) -> list[Any]:
    """What the owner was sent about payments, the oldest first."""
    query = "SELECT subject, text FROM platform.mails WHERE \"to\" = :e AND text LIKE '%/billing%' ORDER BY id"
    return sql(app, query, e=owner.email)


def subjects(app: Flask, owner: Person) -> list[str]:
    return [row.subject for row in mails(app, owner)]


@dataclass(frozen=True)
class Open:
    """What of a workspace is open, by what its owner is answered."""

    standing: str
    reads: int
    adds: int
    pays: int


GRACE, READ_ONLY = Open("past_due", 200, 200, 200), Open("read_only", 200, 402, 200)
SUSPENDED, GOOD = Open("suspended", 402, 402, 200), Open("good", 200, 200, 200)


@dataclass
class Door:
    """Tries what is open, with a form that was opened while everything was."""

    app: Flask
    owner: Person
    keys: Page

    def tried(self) -> Open:
        reads, pays = (self.owner.open(path).status for path in ("/home", "/billing/pay"))
        adds = submit(self.owner, self.keys, "/keys", label=unique()).status_code
        return Open(standing(self.app, self.owner), reads, adds, pays)


@pytest.fixture
def door(app: Flask, owner: Person, late: Clocked) -> Door:
    return Door(app, owner, owner.open("/keys"))


# Exactly as long as the catalogue says


def test_each_step_comes_at_its_second_and_not_one_before(
    app: Flask, owner: Person, late: Clocked, stripe: Stripe, door: Door
) -> None:
    at = since(app, owner)
    assert door.tried() == GRACE
    for days, before, after in ((14, GRACE, READ_ONLY), (28, READ_ONLY, SUSPENDED)):
        late.reach(at + days * DAY - SECOND)
        assert door.tried() == before
        late.reach(at + days * DAY + SECOND)
        assert door.tried() == after
    late.reach(at + 60 * DAY - SECOND)
    assert plan_of(app, owner)[::2] == ("starter", "suspended")
    late.reach(at + 60 * DAY + SECOND)
    assert plan_of(app, owner)[::2] == ("free", "good")
    (found,) = stripe.shop.v1.subscriptions.list({"customer": late.customer, "status": "all"}).data
    assert (found.status, found.cancellation_details.comment) == ("canceled", "Not paid for.")
    assert [subject.replace("Owner & Sons", "…") for subject in subjects(app, owner)] == [
        "Receipt for …: $19.00",
        "The payment for … failed",
        f"… becomes read-only on {at + 14 * DAY:%-d %B}, unless it is paid",
        "… is read-only until it is paid",
        "The payment for … failed",  # for the last time
        f"… is suspended on {at + 28 * DAY:%-d %B}, unless it is paid",
        "… is suspended until it is paid",
        "The payment for … failed",  # for the next month
        f"The plan of … ends on {at + 60 * DAY:%-d %B}, unless it is paid",
        "The Starter plan of … has ended",
    ]
    texts = [row.text for row in mails(app, owner)]
    assert all(f"{owner.home}/billing/pay\n" in text for text in texts[1:-1])
    assert "That was the last time that we tried" in " ".join(texts[4].split())


def test_control_other_days_move_a_step(
    app: Flask, owner: Person, late: Clocked, door: Door, steps: Callable[..., None]
) -> None:
    steps(suspended=3)
    at = since(app, owner)
    late.reach(at + 3 * DAY - SECOND)
    assert door.tried() == GRACE
    late.reach(at + 3 * DAY + SECOND)
    assert door.tried() == SUSPENDED


# The rule itself, for those who live by our own clock


def owes(app: Flask, owner: Person, ago: timedelta) -> datetime:
    """A subscription whose payment failed so long ago; returns the moment."""
    with app.app_context(), transaction():
        at = mirror.now() - ago
        about = {"tenant": owner.tenant, "currency": "usd", "fetched_at": at}
        id_ = f"sub_{unique()}"
        db.session.add(Subscription(
            id=id_, status="past_due", plan="starter", version=1, interval="month", item="si_1", amount=1_900,
            livemode=False, started_at=at, **about,
        ))  # fmt: skip
        db.session.add(Invoice(
            id=f"in_{unique()}", subscription=id_, status="open", total=1_900, due=1_900, paid=0, refunded=0,
            attempts=1, created_at=at, finalized_at=at, **about,
        ))  # fmt: skip
        db.session.flush()
        entitlements.settle(owner.tenant, Cause("rule", "tests"))
    return at


def looks(app: Flask, owner: Person) -> list[datetime]:
    """When the job looks that is waiting for this workspace."""
    query = "SELECT run_at FROM platform.jobs WHERE name = 'billing.dun' AND args->>0 = :t AND state = 'waiting'"
    return [row.run_at for row in sql(app, query, t=owner.tenant)]


@pytest.mark.parametrize(
    ("given", "days", "then"),
    [
        ((14, 28, 60), 0, "past_due"), ((14, 28, 60), 15, "read_only"), ((14, 28, 60), 29, "suspended"),
        ((None, 2, None), 1, "past_due"), ((None, 2, None), 3, "suspended"), ((None, 2, None), 300, "suspended"),
        ((2, None, None), 300, "read_only"), ((None, None, 2), 1, "past_due"), ((None, None, None), 300, "past_due"),
        ((0, None, None), 0, "read_only"),
    ],
)  # fmt: skip
def test_steps_have_the_days_that_are_set_and_each_can_be_left_out(
    app: Flask, owner: Person, steps: Callable[..., None], given: tuple[int | None, ...], days: int, then: str
) -> None:
    steps(*given)
    owes(app, owner, days * DAY)
    assert standing(app, owner) == then


@pytest.mark.parametrize(
    ("ago", "next_look"),
    [(timedelta(0), 13), (13 * DAY, 14), (14 * DAY, 27), (28 * DAY, 59), (59 * DAY, 60)],
)
def test_a_job_looks_a_day_before_each_step_and_when_it_has_come(
    app: Flask, owner: Person, ago: timedelta, next_look: int
) -> None:
    at = owes(app, owner, ago)
    assert looks(app, owner) == [at + next_look * DAY + SECOND]
    ((until,),) = sql(app, "SELECT standing_until FROM platform.tenants WHERE id = :t", t=owner.tenant)
    assert until == at + next(days for days in (14, 28, 60) if days * DAY > ago) * DAY


def test_whoever_was_given_a_plan_works_on_and_is_not_threatened(app: Flask, owner: Person) -> None:
    with app.app_context(), transaction():
        grants.grant(owner.tenant, "scale", None, actor="user:admin", reason="They found a bug.")
    owes(app, owner, 15 * DAY)
    assert plan_of(app, owner)[::2] == ("scale", "past_due")
    assert subjects(app, owner) == ["The payment for Owner & Sons failed"]
    assert "Everything works meanwhile." in mails(app, owner)[0].text
    assert "Deadline" not in words(owner.open("/billing/pay"))
    with app.app_context(), transaction():  # the control
        grants.end_grant(owner.tenant, actor="user:admin", reason="It is mended.")
    assert standing(app, owner) == "read_only"
    assert "Deadline" in words(owner.open("/billing/pay"))


def test_who_has_paid_without_our_hearing_of_it_loses_nothing(
    app: Flask, owner: Person, late: Clocked, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe is asked before anything is taken away."""
    at = since(app, owner)
    late.pays_with("pm_card_visa")
    (invoice,) = stripe.shop.v1.invoices.list({"customer": late.customer, "status": "open"}).data
    stripe.shop.v1.invoices.pay(invoice.id)
    stripe.events()  # which get lost
    sql(app, "UPDATE platform.customers SET clock_at = :at WHERE tenant = :t", at=at + 15 * DAY, t=owner.tenant)
    with monkeypatch.context() as patched:  # the control: without asking, it is read-only
        patched.setattr(paying, "ask", lambda _subscription, asked_at: Looked((), asked_at))
        late.look()
        assert standing(app, owner) == "read_only"
    late.look()
    assert standing(app, owner) == "good"


# Paying opens everything at once


def update_card(owner: Person, number: str) -> Page:
    """From the page that mails lead to, by way of Stripe's, back to where it shows how it went."""
    url = location(owner, owner.open("/billing/pay"), "/billing/pay/card")
    back = send(url, number=number)
    assert back.status_code in {302, 303}, back.text
    return owner.browser.open(back.headers["Location"])


def test_a_card_that_is_updated_is_charged_at_once_and_everything_works(
    app: Flask, owner: Person, late: Clocked, door: Door, stripe: Stripe
) -> None:
    late.reach(since(app, owner) + 28 * DAY + SECOND)
    assert door.tried() == SUSPENDED
    page = owner.open("/billing/pay")
    assert "$19.00" in words(page)
    assert "Then the plan ends" in words(page)
    shown = update_card(owner, FAILS_LATER)
    assert "The payment was declined. The bank says: Your card was declined." in words(shown)
    assert door.tried() == SUSPENDED
    shown = update_card(owner, VISA)
    assert "Paid, thank you. Everything works." in words(shown)
    assert "Nothing is open" in words(shown)
    assert door.tried() == GOOD  # before any webhook
    stripe.deliver(owner.browser)
    assert standing(app, owner) == "good"
    assert subjects(app, owner)[-2:] == [
        "Receipt for Owner & Sons: $19.00", "Owner & Sons is paid, and everything works again",
    ]  # fmt: skip
    tries = "SELECT detail FROM platform.audit WHERE tenant = :t AND action = 'invoices.paid' ORDER BY id"
    paid = sql(app, tries, t=owner.tenant)
    assert [len(row.detail["paid"]) for row in paid] == [0, 1]


def confirm(url: str) -> None:
    """Answer the bank's question on the invoice's page."""
    link = re.search(r'href="(/authenticate/[^"]+)"', opened(url).text)
    assert link
    assert send("/".join(url.split("/")[:3]) + link[1], {"result": "complete"}).status_code in {302, 303}


def test_the_way_back_from_stripe_charges_once_and_only_whom_it_was_made_for(
    app: Flask, owner: Person, stranger: Person, late: Clocked, stripe: Stripe
) -> None:
    url = location(owner, owner.open("/billing/pay"), "/billing/pay/card")
    back = send(url, number=VISA).headers["Location"]
    stripe.forget_calls()
    assert owner.open("/billing/pay/charged?ticket=made-up").status == 409
    other = stranger.open(back.removeprefix(owner.home))
    assert (other.status, heading(other)) == (409, "This form can't be used any more")
    assert stripe.calls("post") == {}
    for _ in range(2):
        assert "Nothing is open" in words(owner.browser.open(back))
    assert stripe.calls("post")["/v1/invoices/{invoice}/pay"] == 1
    assert standing(app, owner) == "good"


def test_a_bank_that_asks_is_answered_on_stripes_page_and_everything_works(
    app: Flask, owner: Person, late: Clocked, stripe: Stripe
) -> None:
    late.reach(since(app, owner) + 14 * DAY + SECOND)
    url = location(owner, owner.open("/billing/pay"), "/billing/pay/card")
    asked = send(url, number=ASKS_EACH_TIME)
    back = send(url.split("/portal/")[0] + asked.headers["Location"], {"result": "complete"}).headers["Location"]
    shown = owner.browser.open(back)
    assert "Your bank asks you to confirm the payment." in words(shown)
    assert standing(app, owner) == "read_only"
    invoice = re.search(r'href="([^"]+)">Confirm it', shown.text)
    assert invoice
    confirm(invoice[1])
    stripe.deliver(owner.browser)
    assert standing(app, owner) == "good"
