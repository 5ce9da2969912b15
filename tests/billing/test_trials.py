"""Trials: with a card and without one, one for each business, told of before they end, and what comes after them."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask

from billing.entitlement import trials
from billing.plans import catalog
from billing.plans.model import Trial
from saas.core.database import transaction
from tests.support.clocks import clocked
from tests.support.database import browser, sql
from tests.support.pages import words
from tests.support.payments import VISA, Stripe, choose, location, pay, plan_of, submit
from tests.support.people import Person, sign_up, unique
from tests.support.standin import opened

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
MASTERCARD = "5555555555554444"


@pytest.fixture
def by_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if the catalogue asked for no card."""
    every = catalog.every()
    trial = Trial(14, "optional")
    changed = tuple(dataclasses.replace(one, trial=trial) if one.code == "growth" else one for one in every)
    monkeypatch.setattr(catalog, "every", lambda: changed)
    yield
    monkeypatch.undo()


def email_as(app: Flask, owner: Person, email: str, *, confirmed: bool = True) -> None:
    query = "UPDATE platform.users SET email = :new, confirmed_at = CASE WHEN :c THEN now() END WHERE email = :old"
    sql(app, query, new=email, old=owner.email, c=confirmed)
    owner.email = email


def another(app: Flask) -> Person:
    return sign_up(app, browser(app), limited=True)


def trial(app: Flask, owner: Person, stripe: Stripe, number: str = VISA) -> str | None:
    """Begin one of Growth by Checkout with a card; what the workspace stands with then."""
    assert pay(choose(owner, "growth"), number).status_code == 303
    stripe.deliver(owner.browser)
    return status(app, owner)


def status(app: Flask, owner: Person) -> str | None:
    rows = sql(app, "SELECT status FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    return rows[0].status if rows else None


def marks(app: Flask, owner: Person) -> list[str]:
    rows = sql(app, "SELECT kind FROM platform.trials WHERE tenant = :t ORDER BY kind", t=owner.tenant)
    return [row.kind for row in rows]


def subjects(app: Flask, owner: Person) -> list[str]:
    query = "SELECT subject FROM platform.mails WHERE \"to\" = :e AND text LIKE '%/billing%' ORDER BY id"
    return [row.subject for row in sql(app, query, e=owner.email)]


def start_here(owner: Person) -> str:
    page = owner.open("/billing/choose?plan=growth&interval=month")
    assert "no card is asked for" in words(page)
    return location(owner, page, "/billing/checkout")


# Who has had one


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ada@acme.de", "ADA@Acme.de", True),
        ("ada@acme.de", "ada+trial2@acme.de", True),
        ("ada.lovelace@gmail.com", "adalovelace+x@googlemail.com", True),
        ("ada.lovelace@acme.de", "adalovelace@acme.de", False),
        ("ada@bücher.de", "ada@xn--bcher-kva.de", True),
        ("ada@acme.de.", "ada@acme.de", True),
        ("ada@acme.de", "bob@acme.de", False),
    ],
)
def test_one_mailbox_has_one_way_to_be_written(one: str, other: str, same: bool) -> None:
    assert (trials.normal(one) == trials.normal(other)) is same


@pytest.mark.parametrize(
    ("first", "second", "confirmed", "tries"),
    [
        ("ada@NAME.de", "bob@NAME.de", True, False),  # colleagues
        ("ada@NAME.de", "bob@NAME.de", False, True),  # nobody has shown that they are at NAME.de
        ("ada-NAME@gmail.com", "bob-NAME@gmail.com", True, True),
        ("a.d.a.NAME@gmail.com", "ada.NAME+1@googlemail.com", True, False),
        ("ada-NAME@web.de", "ada-NAME+again@web.de", False, False),
        ("ada@NAME.de", "ada@NAME.com", True, True),
    ],
)
def test_a_business_is_known_by_its_address_and_by_its_domain_where_that_is_its_own(
    app: Flask, owner: Person, first: str, second: str, confirmed: bool, tries: bool
) -> None:
    name = f"n{unique()}"
    email_as(app, owner, first.replace("NAME", name), confirmed=confirmed)
    with app.app_context(), transaction():
        assert trials.claim(owner.tenant, owner.email)
    again = another(app)
    email_as(app, again, second.replace("NAME", name), confirmed=confirmed)
    assert ("days free to begin with" in words(again.open("/billing"))) is tries
    assert ("Nothing: the first 14 days are free" in words(again.open("/billing/choose?plan=growth"))) is tries
    with app.app_context(), transaction():
        assert trials.claim(again.tenant, again.email) is tries
    assert (marks(app, again) != []) is tries


def test_a_second_workspace_of_somebody_pays_from_the_first_day(app: Flask, owner: Person, stripe: Stripe) -> None:
    name = f"n{unique()}"
    email_as(app, owner, f"ada@{name}.de")
    assert trial(app, owner, stripe) == "trialing"
    again = another(app)
    email_as(app, again, f"bob@{name}.de")
    assert trial(app, again, stripe, MASTERCARD) == "active"


def test_a_colleague_who_confirmed_after_the_trial_began_has_had_the_one_of_their_domain(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    name = f"n{unique()}"
    email_as(app, owner, f"ada@{name}.de", confirmed=False)
    assert trial(app, owner, stripe) == "trialing"
    again = another(app)
    email_as(app, again, f"bob@{name}.de", confirmed=False)
    assert "days free" in words(again.open("/billing"))  # the control: anybody could have typed ada's address
    email_as(app, owner, owner.email)
    assert "days free" not in words(again.open("/billing"))
    assert trial(app, again, stripe, MASTERCARD) == "active"


def test_who_has_tried_is_known_when_the_workspace_is_gone_and_only_as_a_digest(
    app: Flask, owner: Person, stripe: Stripe
) -> None:
    name = f"n{unique()}"
    email_as(app, owner, f"ada@{name}.de")
    trial(app, owner, stripe)
    assert marks(app, owner) == ["address", "card", "domain"]
    digests = sql(app, "SELECT digest FROM platform.trials WHERE tenant = :t", t=owner.tenant)
    assert all(len(bytes(row.digest)) == 32 for row in digests)
    sql(app, "DELETE FROM platform.tenants WHERE id = :t", t=owner.tenant)
    again = another(app)
    email_as(app, again, f"bob@{name}.de")
    assert "days free" not in words(again.open("/billing"))
    sql(app, "DELETE FROM platform.trials WHERE digest = ANY(:d)", d=[row.digest for row in digests])  # the control
    assert "days free" in words(again.open("/billing"))


def test_a_payment_that_nobody_finished_uses_up_no_trial(app: Flask, owner: Person, stripe: Stripe) -> None:
    name = f"n{unique()}"
    email_as(app, owner, f"ada@{name}.de")
    choose(owner, "growth")
    again = another(app)
    email_as(app, again, f"bob@{name}.de")
    assert "days free" not in words(again.open("/billing"))  # it is under way
    choose(owner, "starter")  # and given up
    assert marks(app, owner) == []
    assert "days free" in words(again.open("/billing"))


# The card


def test_a_card_that_has_tried_before_pays_at_once_as_its_page_says(
    app: Flask, owner: Person, stranger: Person, stripe: Stripe
) -> None:
    assert trial(app, owner, stripe) == "trialing"
    url = choose(stranger, "growth")
    assert "If this card has had one before, this one ends at once" in opened(url).text
    assert pay(url, VISA).status_code == 303
    stripe.deliver(stranger.browser)
    stripe.deliver(stranger.browser)
    assert status(app, stranger) == "active"
    assert plan_of(app, stranger)[0] == "growth"
    paid = sql(app, "SELECT paid FROM platform.invoices WHERE tenant = :t ORDER BY paid", t=stranger.tenant)
    assert [row.paid for row in paid] == [0, 7_900]
    flags = sql(app, "SELECT kind FROM platform.billing_flags WHERE tenant = :t", t=stranger.tenant)
    assert [row.kind for row in flags] == ["second-trial"]
    assert "There is no second trial of Growth" in subjects(app, stranger)
    assert (status(app, owner), marks(app, owner)) == ("trialing", ["address", "card"])


def test_of_two_businesses_that_take_one_card_at_the_same_moment_one_tries(
    app: Flask, owner: Person, stranger: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert race(app, owner, stranger) == [False, True]
    with monkeypatch.context() as patched:  # the control: who looks and then writes lets both
        patched.setattr(trials, "_take", look_and_write)
        assert race(app, owner, stranger) == [True, True]


def race(app: Flask, *people: Person) -> list[bool]:
    """All claim one card, with their transactions open at the same time."""
    card, gate = unique(), Barrier(len(people))

    def claim(person: Person) -> bool:
        with app.app_context(), transaction():
            gate.wait(30)
            return trials.claim_card(person.tenant, card)

    with ThreadPoolExecutor(len(people)) as pool:
        return sorted(pool.map(claim, people))


_both = Barrier(2)


def look_and_write(tenant: str, wanted: Any) -> bool:
    free = not trials._tried(tenant, wanted)
    _both.wait(30)
    return free


# Without a card


def test_without_a_card_it_begins_here_and_ends_by_itself(
    app: Flask, owner: Person, stripe: Stripe, by_api: None
) -> None:
    made = clocked(app, stripe, owner)
    page = owner.open("/billing/choose?plan=growth&interval=month")
    assert location(owner, page, "/billing/checkout").endswith("/billing")
    assert submit(owner, page, "/billing/checkout").status_code == 303  # a double click
    assert plan_of(app, owner)[0] == "growth"
    assert "No card is needed until then." in words(owner.open("/billing"))
    stripe.deliver(owner.browser)
    end = trial_end(app, owner)
    assert subjects(app, owner) == []
    query = "SELECT run_at FROM platform.jobs WHERE name = 'billing.dun' AND args->>0 = :t AND state = 'waiting'"
    ((looks_at,),) = sql(app, query, t=owner.tenant)  # though no event of Stripe's should come
    assert looks_at > datetime.now(UTC) + 10 * DAY
    made.advance(end - 3 * DAY + SECOND)
    stripe.events()  # which get lost
    made.look()
    (mail,) = sql(app, "SELECT subject, text FROM platform.mails WHERE \"to\" = :e AND subject LIKE 'Your trial%'",
                  e=owner.email)  # fmt: skip
    assert mail.subject == f"Your trial of Growth ends on {end:%-d %B}"
    assert f"{owner.home}/billing/pay" in mail.text
    made.reach(end - SECOND)
    assert plan_of(app, owner)[0] == "growth"
    made.reach(end + SECOND)
    assert plan_of(app, owner)[::2] == ("free", "good")
    assert subjects(app, owner)[1:] == ["Your trial of Growth is over"]
    (found,) = stripe.shop.v1.subscriptions.list({"customer": made.customer, "status": "all"}).data
    assert found.status == "canceled"
    assert "days free" not in words(owner.open("/billing"))


def test_a_card_that_is_given_in_time_pays_when_the_trial_ends(
    app: Flask, owner: Person, stripe: Stripe, by_api: None
) -> None:
    made = clocked(app, stripe, owner)
    start_here(owner)
    made.pays_with("pm_card_visa")
    end = trial_end(app, owner)
    made.reach(end - 2 * DAY)
    made.reach(end + 2 * timedelta(hours=1))
    assert plan_of(app, owner)[::2] == ("growth", "good")
    query = "SELECT subject, text FROM platform.mails WHERE \"to\" = :e AND text LIKE '%/billing%' ORDER BY id"
    mails = sql(app, query, e=owner.email)
    assert [mail.subject for mail in mails] == [
        f"Your trial of Growth ends on {end:%-d %B}", "Receipt for Owner & Sons: $79.00",
    ]  # fmt: skip
    assert "that ends in 4242 is charged $79.00" in " ".join(mails[0].text.split())
    assert "Your trial is over, and this is your first payment." in " ".join(mails[1].text.split())


def test_a_payment_that_is_open_is_given_up_for_a_trial_without_a_card(
    app: Flask, owner: Person, stripe: Stripe, by_api: None
) -> None:
    url = choose(owner, "starter")
    start_here(owner)
    assert status(app, owner) == "trialing"
    assert "expired" in opened(url).text.lower() or opened(url).status_code != 200


def trial_end(app: Flask, owner: Person) -> datetime:
    ((end,),) = sql(app, "SELECT trial_end FROM platform.subscriptions WHERE tenant = :t", t=owner.tenant)
    assert isinstance(end, datetime)
    return end
