"""What holds for every action: it shows what it changes, asks a reason, is done once, and is in the audit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from saas.console.action_views import ACTIONS
from saas.devstack.browser import Page
from tests.support import operators
from tests.support.database import browser as browser_of
from tests.support.database import left, more, skip_at_the_end_of_the_hour, sql
from tests.support.pages import error_at, heading, words
from tests.support.payments import Stripe, plan_of, subscribe
from tests.support.people import Person
from tests.support.threads import together

REASON = "Agreed with them by phone."
LATER = (datetime.now(UTC) + timedelta(days=45)).date()
LATER_SHOWN = f"{LATER:%-d %b %Y}, 23:59 UTC"


@dataclass(frozen=True)
class Case:
    action: str
    audited: str
    shown: tuple[str, ...]  # what the page says of before and after
    effect: Callable[[Flask, Person, Stripe], Any]
    expected: Any  # of the effect, once it is done
    prepare: Callable[[Flask, Person, Stripe, Person], None]
    choice: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)


def nothing(_app: Flask, _person: Person, _stripe: Stripe, _operator: Person) -> None:
    pass


def starter(_app: Flask, person: Person, stripe: Stripe, _operator: Person) -> None:
    subscribe(stripe, person, "starter")


def trial(_app: Flask, person: Person, stripe: Stripe, _operator: Person) -> None:
    subscribe(stripe, person, "growth")


def suspended(app: Flask, person: Person, _stripe: Stripe, operator: Person) -> None:
    done(operator, person, "suspend", text="Closed while we look into it.")


def granted(app: Flask, person: Person, _stripe: Stripe, operator: Person) -> None:
    done(operator, person, "grant", {"plan": "scale", "until": LATER.isoformat()})


def cancelled(app: Flask, person: Person, stripe: Stripe, operator: Person) -> None:
    starter(app, person, stripe, operator)
    done(operator, person, "cancel", {"when": "period"})


def doors(_app: Flask, person: Person, _stripe: Stripe) -> tuple[int, int]:
    return person.open("/home").status, person.api("GET", "/collections").status_code


def plan(app: Flask, person: Person, _stripe: Stripe) -> str:
    return plan_of(app, person)[0]


def at_stripe(app: Flask, person: Person, stripe: Stripe) -> Any:
    ((subscription,),) = sql(app, "SELECT id FROM platform.subscriptions WHERE tenant = :t", t=person.tenant)
    return stripe.shop.v1.subscriptions.retrieve(subscription)


def goes_on(app: Flask, person: Person, stripe: Stripe) -> tuple[str, bool, str]:
    found = at_stripe(app, person, stripe)
    return found.status, found.cancel_at_period_end, plan(app, person, stripe)


def trial_end(app: Flask, person: Person, stripe: Stripe) -> tuple[str, int]:
    found = at_stripe(app, person, stripe)
    return found.status, found.trial_end


def refunds(app: Flask, person: Person, stripe: Stripe) -> list[int]:
    ((payment,),) = sql(app, "SELECT payment FROM platform.invoices WHERE tenant = :t", t=person.tenant)
    return [one.amount for one in stripe.shop.v1.refunds.list({"payment_intent": payment}).data]


END_OF_LATER = int(datetime(LATER.year, LATER.month, LATER.day, 23, 59, 59, tzinfo=UTC).timestamp())

CASES = [
    Case(
        "suspend", "tenant.suspended", ("Site and API Open Answer 403",), doors, (403, 403), nothing,
        values={"text": "Closed while we look into it."},
    ),
    Case("resume", "tenant.resumed", ("Site and API Answer 403 with your text Open",), doors, (200, 200), suspended),
    Case(
        "change-plan", "subscription.changed",
        ("Plan paid for Starter Growth", "Price $19.00 a month $790.00 a year", "Records 20,000 250,000"),
        plan, "growth", starter, {"plan": "growth", "interval": "year"},
    ),
    Case(
        "grant", "plan.granted",
        ("Given for nothing Nothing Scale until " + LATER_SHOWN, "Plan in force Free Scale", "No limit"),
        plan, "scale", nothing, {"plan": "scale", "until": LATER.isoformat()},
    ),
    Case(
        "end-grant", "plan.grant_ended", (f"Scale until {LATER_SHOWN} Nothing", "Plan in force Scale Free"),
        plan, "free", granted,
    ),
    Case(
        "extend-trial", "trial.extended", ("Trial ends, first charge", LATER_SHOWN),
        trial_end, ("trialing", END_OF_LATER), trial, {"until": LATER.isoformat()},
    ),
    Case(
        "cancel", "subscription.cancelled", ("Subscription ends Never",),
        goes_on, ("active", True, "starter"), starter, {"when": "period"},
    ),
    Case(
        "cancel", "subscription.cancelled", ("Subscription ends Never Now", "Plan in force Starter Free"),
        goes_on, ("canceled", False, "free"), starter, {"when": "now"},
    ),
    Case(
        "keep-subscription", "subscription.resumed", ("Subscription ends", "Never"),
        goes_on, ("active", False, "starter"), cancelled,
    ),
    Case(
        "refund", "invoice.refunded", ("Refunded $0.00 $12.50", "Kept $19.00 $6.50"),
        refunds, [1250], starter, {"invoice": "", "amount": "12.50"},
    ),
]  # fmt: skip


def test_every_action_has_a_case() -> None:
    assert {case.action for case in CASES} == set(ACTIONS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.action} {' '.join(case.choice.values())}".strip())
def test_an_action(app: Flask, operator: Person, owner: Person, stripe: Stripe, case: Case) -> None:
    owner.key()
    case.prepare(app, owner, stripe, operator)
    before = case.effect(app, owner, stripe)
    page = show(operator, owner, case.action, chosen(app, owner, case))
    shown = words(page)
    assert (page.status, [part for part in case.shown if part not in shown]) == (200, [])
    for bad in ("", "    ", "abcd", "x" * 501):
        refused = operator.browser.send(page, "", "reason", **{**case.values, "reason": bad})
        assert (refused.status, bool(error_at(refused, "reason"))) == (422, True), bad
    assert case.effect(app, owner, stripe) == before != case.expected
    earlier = audited(app, owner, case.audited)
    ended = operator.browser.send(page, "", "reason", **{**case.values, "reason": REASON})
    assert ended.url.endswith(f"/console/tenants/{owner.tenant}"), ended.text
    assert ACTIONS[case.action].done in words(ended)
    assert REASON in words(ended)  # in its timeline
    assert case.effect(app, owner, stripe) == case.expected
    again = operator.browser.send(page, "", "reason", **{**case.values, "reason": REASON})
    assert "That was done already." in words(again)
    assert case.effect(app, owner, stripe) == case.expected
    (entry,) = [row for row in audited(app, owner, case.audited) if row not in earlier]
    assert entry.actor == f"user:{id_of(app, operator)}"
    assert entry.detail["reason"] == REASON
    assert entry.detail["before"] != entry.detail["after"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.action} {' '.join(case.choice.values())}".strip())
def test_a_double_click_does_it_once(app: Flask, operator: Person, owner: Person, stripe: Stripe, case: Case) -> None:
    """Two at the same moment, from the same form."""
    owner.key()
    case.prepare(app, owner, stripe, operator)
    earlier = audited(app, owner, case.audited)
    page = show(operator, owner, case.action, chosen(app, owner, case))
    values = {**case.values, "reason": REASON}
    pages = together(*[lambda: operator.browser.send(page, "", "reason", **values)] * 2)
    assert [page.status for page in pages] == [200, 200]
    assert case.effect(app, owner, stripe) == case.expected
    assert len(audited(app, owner, case.audited)) == len(earlier) + 1


def test_two_forms_do_it_twice(app: Flask, operator: Person, owner: Person, stripe: Stripe) -> None:
    """The control: it is the form's number that keeps a second click from paying back twice."""
    starter(app, owner, stripe, operator)
    case = next(case for case in CASES if case.action == "refund")
    for amount in ("5", "6.00"):
        done(operator, owner, "refund", chosen(app, owner, case) | {"amount": amount})
    assert sorted(refunds(app, owner, stripe)) == [500, 600]


@pytest.mark.parametrize("name", ["suspend", "grant"])
def test_a_forged_or_foreign_form_does_nothing(
    app: Flask, operator: Person, owner: Person, stranger: Person, name: str
) -> None:
    choice = {"plan": "scale", "until": LATER.isoformat()} if name == "grant" else {}
    values = {"text": "Closed for a while."} if name == "suspend" else {}
    page, foreign = show(operator, owner, name, choice), show(operator, stranger, name, choice)
    other = operators.operator(app, browser_of(app))
    theirs = show(other, owner, name, choice)
    before = left(app)
    for ticket in ("", "x", "é", foreign.form("", "once").fields["once"], theirs.form("", "once").fields["once"]):
        refused = operator.browser.send(page, "", "reason", **{**values, "reason": REASON, "once": ticket})
        assert refused.status == 422
        assert "made for another page or person" in words(refused)
    assert more(before, left(app)) == {}
    assert operator.browser.send(page, "", "reason", **{**values, "reason": REASON}).status == 200  # the control


def test_what_does_not_fit_is_not_offered_and_not_done(app: Flask, operator: Person, owner: Person) -> None:
    shown = words(operator.browser.open(f"/console/tenants/{owner.tenant}"))
    for name in ("Suspend", "Give a plan"):
        assert name in shown
    for name in ("resume", "end-grant", "change-plan", "extend-trial", "cancel", "keep-subscription", "refund"):
        page = operator.browser.open(f"/console/tenants/{owner.tenant}/actions/{name}")
        assert "There is nothing to do" in words(page), name
        assert not [form for form in page.forms if "reason" in form.fields], name


def test_what_somebody_else_did_meanwhile_is_not_done_again(app: Flask, operator: Person, owner: Person) -> None:
    first, second = (show(operator, owner, "suspend") for _ in range(2))
    values = {"text": "Closed for a while.", "reason": REASON}
    assert operator.browser.send(first, "", "reason", **values).status == 200
    late = operator.browser.send(second, "", "reason", **values | {"text": "Another text."})
    assert late.status == 422
    assert "Meanwhile somebody did it" in words(late)
    ((text,),) = sql(app, "SELECT suspended_reason FROM platform.tenants WHERE id = :id", id=owner.tenant)
    assert text == "Closed for a while."


CHOICES = {
    "grant": [{"plan": "nope", "until": LATER.isoformat()}, {"plan": "free", "until": LATER.isoformat()},
              {"plan": "scale", "until": ""}, {"plan": "scale", "until": "x"}, {"plan": "scale", "until": "9999-12-31"},
              {"plan": "' OR 1=1 --", "until": LATER.isoformat()}],
    "change-plan": [{"plan": "nope", "interval": "month"}, {"plan": "growth", "interval": "week"}, {"plan": "growth"}],
    "cancel": [{"when": "never"}, {"when": ""}],
    "refund": [{"invoice": "in_foreign", "amount": "5"}, {"amount": "5"}],
}  # fmt: skip


def test_a_choice_that_is_none_shows_no_form(app: Flask, operator: Person, owner: Person, stripe: Stripe) -> None:
    starter(app, owner, stripe, operator)
    for name, choices in CHOICES.items():
        for choice in choices:
            page = show(operator, owner, name, choice)
            assert page.status == 200
            assert not [form for form in page.forms if "reason" in form.fields], (name, choice)


def test_a_choice_altered_after_it_was_shown_is_refused(
    app: Flask, operator: Person, owner: Person, stripe: Stripe
) -> None:
    starter(app, owner, stripe, operator)
    page = show(operator, owner, "change-plan", {"plan": "growth", "interval": "month"})
    page.form("", "reason").action = page.url.replace("growth", "nope")
    assert operator.browser.send(page, "", "reason", reason=REASON).status == 422
    assert plan(app, owner, stripe) == "starter"


@pytest.mark.parametrize("day", ["yesterday", "today"])
def test_a_plan_cannot_be_given_until_a_time_that_has_passed(
    app: Flask, operator: Person, owner: Person, day: str
) -> None:
    skip_at_the_end_of_the_hour(app)  # or today would be yesterday before the form is sent
    until = datetime.now(UTC).date() - timedelta(days=1 if day == "yesterday" else 0)
    page = show(operator, owner, "grant", {"plan": "scale", "until": until.isoformat()})
    done_ = operator.browser.send(page, "", "reason", reason=REASON)
    assert done_.status == (422 if day == "yesterday" else 200)


AMOUNTS = {
    "19.01": "At most $19.00",
    "20": "At most $19.00",
    "999999999.99": "At most $19.00",
    "0": "above zero",
    "0.00": "above zero",
    "-5": "such as 12",
    "1e3": "such as 12",
    "NaN": "such as 12",
    "12.505": "such as 12",
    "９": "such as 12",  # noqa: RUF001  a digit, and none of ours
    "": "Say how much",
}


def test_no_more_than_was_paid_goes_back(app: Flask, operator: Person, owner: Person, stripe: Stripe) -> None:
    starter(app, owner, stripe, operator)
    case = next(case for case in CASES if case.action == "refund")
    choice = chosen(app, owner, case)
    stripe.forget_calls()
    for amount, sentence in AMOUNTS.items():
        page = show(operator, owner, "refund", choice | {"amount": amount})
        assert sentence in error_at(page, "amount"), amount
        assert not [form for form in page.forms if "reason" in form.fields]
    fit = show(operator, owner, "refund", choice | {"amount": "19"})
    for altered in ("19.01", "0", "x"):
        fit.form("", "reason").action = fit.url.replace("amount=19", f"amount={altered}")
        assert operator.browser.send(fit, "", "reason", reason=REASON).status == 422
    assert stripe.calls() == {}, "nothing was sent"
    done(operator, owner, "refund", choice | {"amount": "10"})
    late = show(operator, owner, "refund", choice | {"amount": "9.01"})
    assert "At most $9.00" in error_at(late, "amount")
    done(operator, owner, "refund", choice | {"amount": "9"})
    assert sorted(refunds(app, owner, stripe)) == [900, 1000]
    assert "There is nothing to do" in words(show(operator, owner, "refund"))


def test_of_two_refunds_that_are_too_much_together_one_is_refused(
    app: Flask, operator: Person, owner: Person, stripe: Stripe
) -> None:
    starter(app, owner, stripe, operator)
    case = next(case for case in CASES if case.action == "refund")
    pages = [show(operator, owner, "refund", chosen(app, owner, case) | {"amount": "12"}) for _ in range(2)]
    ended = [operator.browser.send(page, "", "reason", reason=REASON) for page in pages]
    assert [page.status for page in ended] == [200, 422]
    assert refunds(app, owner, stripe) == [1200]


AT_STRIPE = [case for case in CASES if case.audited.startswith(("subscription.", "trial.", "invoice."))]


@pytest.mark.parametrize("case", AT_STRIPE, ids=lambda case: f"{case.action} {' '.join(case.choice.values())}".strip())
def test_when_stripe_is_away_nothing_changes_and_the_same_form_works_later(
    app: Flask, operator: Person, owner: Person, stripe: Stripe, case: Case
) -> None:
    case.prepare(app, owner, stripe, operator)
    before = case.effect(app, owner, stripe)
    earlier = audited(app, owner, case.audited)
    page = show(operator, owner, case.action, chosen(app, owner, case))
    stripe.fail()
    away = operator.browser.send(page, "", "reason", **{**case.values, "reason": REASON})
    stripe.mend()
    assert away.status == 503
    assert "does not answer" in words(away)
    assert case.effect(app, owner, stripe) == before
    assert audited(app, owner, case.audited) == earlier
    later = operator.browser.send(away, "", "reason", **case.values)  # the reason is still filled in
    assert ACTIONS[case.action].done in words(later), later.text
    assert case.effect(app, owner, stripe) == case.expected
    assert len(audited(app, owner, case.audited)) == len(earlier) + 1


def test_what_stripe_refuses_is_told_and_changes_nothing(
    app: Flask, operator: Person, owner: Person, stripe: Stripe
) -> None:
    starter(app, owner, stripe, operator)
    found = at_stripe(app, owner, stripe)
    page = show(operator, owner, "change-plan", {"plan": "growth", "interval": "month"})
    stripe.shop.v1.subscriptions.cancel(found.id)  # of which no webhook has told us yet
    refused = operator.browser.send(page, "", "reason", reason=REASON)
    assert refused.status in {404, 409, 422}, refused.text
    assert heading(refused) == "Change plan"
    assert plan(app, owner, stripe) == "starter"
    assert audited(app, owner, "subscription.changed") == []


# How the tests do it


def show(operator: Person, person: Person, name: str, choice: dict[str, str] | None = None) -> Page:
    return operator.browser.open(f"/console/tenants/{person.tenant}/actions/{name}?{urlencode(choice or {})}")


def done(operator: Person, person: Person, name: str, choice: dict[str, str] | None = None, **values: str) -> Page:
    page = show(operator, person, name, choice)
    ended = operator.browser.send(page, "", "reason", reason=REASON, **values)
    assert ACTIONS[name].done in words(ended), ended.text
    return ended


def chosen(app: Flask, person: Person, case: Case) -> dict[str, str]:
    """The case's choice, with the person's one invoice where it is of an invoice."""
    if "invoice" not in case.choice:
        return case.choice
    ((invoice,),) = sql(app, "SELECT id FROM platform.invoices WHERE tenant = :t", t=person.tenant)
    return case.choice | {"invoice": invoice}


def audited(app: Flask, person: Person, action: str) -> list[Any]:
    return sql(
        app,
        "SELECT actor, detail, id FROM platform.audit WHERE tenant = :t AND action = :a ORDER BY id",
        t=person.tenant,
        a=action,
    )


def id_of(app: Flask, person: Person) -> str:
    ((found,),) = sql(app, "SELECT id FROM platform.users WHERE email = :email", email=person.email)
    return str(found)
