"""What holds for every action: it shows what it changes, asks a reason, is done once, and is in the audit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from billing.mirrored import flags
from billing.plans import catalog
from saas.console.action_views import ACTIONS
from saas.core.database import transaction
from saas.devstack.browser import Page
from tests.support import operators
from tests.support.database import browser as browser_of
from tests.support.database import left, more, skip_at_the_end_of_the_hour, sql
from tests.support.pages import error_at, heading, words
from tests.support.payments import Stripe, plan_of, subscribe
from tests.support.people import Person
from tests.support.threads import together
from tests.support.versions import newer

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


def overridden(app: Flask, person: Person, stripe: Stripe, operator: Person) -> None:
    starter(app, person, stripe, operator)
    done(operator, person, "override", {"resource": "records", "value": "5000"})


def flagged(app: Flask, person: Person, _stripe: Stripe, _operator: Person) -> None:
    with app.app_context(), transaction():
        flags.raise_flag(person.tenant, "dispute", f"dp_{person.tenant}", "Their bank asks for $19.00.")


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


def allowed(resource: str) -> Callable[[Flask, Person, Stripe], int | None]:
    return lambda app, person, _stripe: plan_of(app, person)[1].get(resource, 0)


def balance(app: Flask, person: Person, stripe: Stripe) -> int:
    return int(stripe.shop.v1.customers.retrieve(at_stripe(app, person, stripe).customer).balance)


def next_invoice(app: Flask, person: Person, stripe: Stripe) -> int:
    found = at_stripe(app, person, stripe)
    return int(stripe.shop.v1.invoices.create_preview({"subscription": found.id}).total)


def version(app: Flask, person: Person, stripe: Stripe) -> tuple[str, int, list[int]]:
    """Which one they are on, here and at Stripe, and what its records are."""
    ((found, here),) = sql(
        app, "SELECT s.version, t.plan_version FROM platform.subscriptions s JOIN platform.tenants t ON t.id = s.tenant"
        " WHERE t.id = :t", t=person.tenant,
    )  # fmt: skip
    (item,) = at_stripe(app, person, stripe)["items"].data
    return item.price.product, item.price.unit_amount, [found, here]


def ended(app: Flask, person: Person, stripe: Stripe) -> tuple[str, str, bool]:
    """With all but a cent or two of $19.00 paid back, once."""
    back = refunds(app, person, stripe)
    return at_stripe(app, person, stripe).status, plan(app, person, stripe), len(back) == 1 and 1_890 < back[0] <= 1_900


def open_flags(app: Flask, person: Person, _stripe: Stripe) -> int:
    with app.app_context(), transaction():
        return len(flags.open_of(person.tenant))


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
    Case(
        "override", "limit.overridden", ("Records 20,000 5,000", f"Lasts until {LATER_SHOWN}"),
        allowed("records"), 5_000, starter, {"resource": "records", "value": "5000", "until": LATER.isoformat()},
    ),
    Case(
        "override", "limit.overridden", ("Records 5,000 No limit", "Somebody ends it"),
        allowed("records"), None, overridden, {"resource": "records", "value": "Unlimited "},
    ),
    Case(
        "override", "limit.overridden", ("Usage as CSV No Yes",),
        allowed("usage_export"), 1, starter, {"resource": "usage_export", "value": "1"},
    ),
    Case(
        "end-override", "limit.override_ended", ("Records 5,000 As the plan says: 20,000",),
        allowed("records"), 20_000, overridden, {"resource": "records"},
    ),
    Case(
        "credit", "credit.given", ("Credit $0.00 $12.50",), balance, -1_250, starter, {"amount": "12.50"},
    ),
    Case(
        "own-price", "price.given", ("next invoice on $19.00 a month $10.00 a month", "Lasts 3 months"),
        next_invoice, 1_000, starter, {"amount": "10", "months": "3"},
    ),
    Case(
        "own-price", "price.given", ("$19.00 a month $0.00 a month", "For good"),
        next_invoice, 0, starter, {"amount": "0"},
    ),
    Case(
        "move-version", "subscription.changed",
        ("Version of the plan 1 2", "Price $19.00 a month $25.00 a month", "When Now", "Records 20,000 30,000"),
        version, ("freehold_starter_v2", 2_500, [2, 2]), nothing,
    ),
    Case(
        "cancel-and-refund", "subscription.ended",
        ("Subscription ends Never Now", "Paid back $0.00 $1", "Plan in force Starter Free"),
        ended, ("canceled", "free", True), starter,
    ),
    Case(
        "clear-flag", "flag.cleared", ("Their bank asks for $19.00. To be looked at Looked at",),
        open_flags, 0, flagged, {"flag": ""},
    ),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _a_newer_version(app: Flask, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Starter, which somebody pays for who is to be moved to it."""
    case = getattr(request.node, "callspec", None) and request.node.callspec.params.get("case")
    if case and case.action == "move-version":
        subscribe(request.getfixturevalue("stripe"), request.getfixturevalue("owner"), "starter")
        newer(app, monkeypatch, "starter", 2_500, limits={**catalog.plan("starter").limits, "records": 30_000})


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
    for name in ("Suspend", "Give a plan", "Override a limit"):
        assert name in shown
    for name in ACTIONS.keys() - {"suspend", "grant", "override"}:
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
    "override": [{"resource": "nope", "value": "5"}, {"resource": "records"}, {"resource": "records", "value": "-1"},
                 {"resource": "records", "value": "1.5"}, {"resource": "records", "value": "９"},  # noqa: RUF001
                 {"resource": "records", "value": "9" * 5_000}, {"resource": "records", "value": str(2**53 + 1)},
                 {"resource": "usage_export", "value": "2"}, {"resource": "usage_export", "value": "unlimited"},
                 {"resource": "records", "value": "5", "until": "9999-12-31"},
                 {"resource": "records", "value": "5", "until": "x"}],
    "end-override": [{"resource": "records"}],
    "credit": [{"amount": amount} for amount in ("", "0", "-5", "1e3", "12.505", "1000000.01", "999999999")],
    "own-price": [{"amount": "19"}, {"amount": "19.01"}, {"amount": "-1"}, {"amount": ""},
                  *({"amount": "5", "months": months} for months in ("0", "-1", "121", "x", "1.5"))],
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
    page = show(operator, owner, "grant", {"plan": "scale", "until": LATER.isoformat()})
    page.form("", "reason").action = page.url.replace(LATER.isoformat(), until.isoformat())
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


_OF_STRIPE = ("subscription.", "trial.", "invoice.", "credit.", "price.")
AT_STRIPE = [case for case in CASES if case.audited.startswith(_OF_STRIPE)]


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
    """The case's choice, with the person's one invoice or flag where it is of one."""
    tables = {"invoice": "platform.invoices", "flag": "platform.billing_flags"}
    there = {
        name: str(sql(app, f"SELECT id FROM {table} WHERE tenant = :t", t=person.tenant)[0].id)
        for name, table in tables.items()
        if name in case.choice
    }
    return case.choice | there


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
