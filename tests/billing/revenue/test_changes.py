"""What a subscription brings by the month, and what is written down when that changes; worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from billing.entitlement import entitlements
from billing.entitlement.entitlements import Cause
from billing.gateway.objects import DiscountState, InvoiceState, ItemState, SubscriptionState
from billing.mirrored import mirror, mrr
from billing.mirrored.mrr import Kind, Level
from saas.core.database import transaction
from tests.support.books import Books, at
from tests.support.database import sql

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)
PLAN = ItemState("si_1", "freehold_starter_v1", "month", 1900, 1, metered=False)
SEATS = ItemState("si_2", "freehold_starter_v1_seat", "month", 400, 3, metered=False)
CALLS = ItemState("si_3", "freehold_starter_v1_api_calls", "month", 0, 0, metered=True)
FOUND = SubscriptionState(
    id="sub_1", customer="cus_1", status="active", items=(PLAN,), currency="usd", livemode=False, started_at=NOON,
    period_start=None, period_end=None, trial_end=None, cancel_at=None, ended_at=None, latest_invoice=None,
    discounts=(), change=None, seats_paid=0, seats_paid_until=None, metered_since=None, cancel_reason=None,
    clock_at=None,
)  # fmt: skip


def off(percent: str = "", amount: int | None = None, *, once: bool = False, until: datetime | None = None):
    return DiscountState("Spring", Decimal(percent) if percent else None, amount, until, once)


@pytest.mark.parametrize(
    ("found", "monthly"),
    [
        (FOUND, 1900),
        (replace(FOUND, status="past_due"), 1900),
        (replace(FOUND, status="trialing"), 0),
        (replace(FOUND, status="incomplete"), 0),
        (replace(FOUND, status="unpaid"), 0),
        (replace(FOUND, status="paused"), 0),
        (replace(FOUND, status="canceled"), 0),
        (replace(FOUND, items=(PLAN, SEATS, CALLS)), 1900 + 3 * 400),
        (replace(FOUND, items=(replace(PLAN, interval="year", amount=19000),)), 1583),  # 19000 / 12 = 1583.33
        (replace(FOUND, items=(replace(PLAN, interval="year", amount=16002),)), 1334),  # 1333.5 is rounded up
        (replace(FOUND, discounts=(off("25"),)), 1425),
        (replace(FOUND, discounts=(off("33.3"),)), 1267),  # 1900 * 0.667 = 1267.3
        (replace(FOUND, items=(PLAN, SEATS), discounts=(off(amount=500),)), 2600),
        (replace(FOUND, discounts=(off(amount=5000),)), 0),
        (replace(FOUND, discounts=(off("25", once=True),)), 1900),
        (replace(FOUND, discounts=(off("25", until=NOON),)), 1900),
    ],
)
def test_a_subscription_brings_by_the_month(found: SubscriptionState, monthly: int) -> None:
    assert mrr.monthly(found) == monthly


STARTER = Level("starter", "usd", 1900, "sub_1")
GROWTH = Level("growth", "usd", 4900, "sub_1")
LEFT = Level("starter", "usd", 0, "sub_1")
AGAIN = Level("starter", "eur", 1900, "sub_2")


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (None, LEFT, []),
        (None, STARTER, [Kind.NEW]),
        (STARTER, STARTER, []),
        (STARTER, GROWTH, [Kind.EXPANSION]),
        (GROWTH, STARTER, [Kind.CONTRACTION]),
        (STARTER, replace(STARTER, plan="growth"), [Kind.MOVE]),
        (STARTER, LEFT, [Kind.CHURN]),
        (LEFT, LEFT, []),
        (LEFT, STARTER, [Kind.REACTIVATION]),
        (LEFT, AGAIN, [Kind.REACTIVATION]),
        (
            STARTER,
            AGAIN,
            [Kind.CHURN, Kind.REACTIVATION],
        ),  # the same number, yet of another currency
        (STARTER, replace(AGAIN, currency="usd"), [Kind.CHURN, Kind.REACTIVATION]),
        (STARTER, replace(AGAIN, amount=0), [Kind.CHURN]),  # its next one is a trial
    ],
)
def test_a_change_is_of_a_kind(before: Level | None, after: Level, kinds: list[Kind]) -> None:
    found = list(mrr.movements(before, after))
    assert [one.kind for one in found] == kinds
    for one in found:
        assert one.before.currency == one.after.currency
        assert (one.before.amount > 0, one.after.amount > 0) == {
            Kind.NEW: (False, True), Kind.REACTIVATION: (False, True), Kind.CHURN: (True, False),
        }.get(one.kind, (True, True))  # fmt: skip


def test_a_life_is_written_down_once_however_often_it_is_looked_at(made: Books) -> None:
    tenant = made.tenant()
    paid = made.pays(tenant, "2026-09-30 23:59", 1900)
    for _ in range(3):
        made.becomes(paid, "2026-10-01 00:01", 1900)
    made.becomes(paid, "2026-10-10", 4900, "growth")
    made.becomes(paid, "2026-10-11", 4900, "scale")
    made.becomes(paid, "2026-10-12", 1900)
    made.leaves(paid, "2026-10-31 23:59")
    made.pays(tenant, "2026-11-02", 1900)
    assert made.changes(tenant, 'kind, plan_before, plan, "before", "after"') == [
        ("new", "starter", "starter", 0, 1900),
        ("expansion", "starter", "growth", 1900, 4900),
        ("move", "growth", "scale", 4900, 4900),
        ("contraction", "scale", "starter", 4900, 1900),
        ("churn", "starter", "starter", 1900, 0),
        ("reactivation", "starter", "starter", 0, 1900),
    ]


def test_who_is_found_on_another_subscription_has_left_and_come_back_in_that_order(made: Books) -> None:
    tenant = made.tenant()
    first = made.pays(tenant, "2026-09-01", 1900)
    over = "UPDATE platform.subscriptions SET status = 'canceled', ended_at = '2026-10-31T23:59Z' WHERE id = :id"
    sql(made.app, over, id=first)
    made.subscribe(tenant)
    later = made.subscribe(tenant, started_at=at("2026-11-01 00:00"), currency="zzz")
    made.becomes(later, "2026-11-01 00:01", 1900, currency="zzz")
    assert made.changes(tenant, "kind, currency, at")[1:] == [
        ("churn", made.currency, at("2026-10-31 23:59")),
        ("reactivation", "zzz", at("2026-11-01 00:00")),
    ]


def test_it_happened_when_stripe_says_and_not_when_we_looked(made: Books) -> None:
    """Each was looked at two minutes later, in another month."""
    begun, tried, left = (made.tenant() for _ in range(3))
    made.becomes(made.subscribe(begun, started_at=at("2026-10-31 23:59")), "2026-11-01 00:01", 1900)
    trial = made.subscribe(tried, started_at=at("2026-10-17 23:59"), trial_end=at("2026-10-31 23:59"))
    made.becomes(trial, "2026-11-01 00:01", 1900)
    gone = made.pays(left, "2026-10-01", 1900)
    made.becomes(gone, "2026-11-01 00:01", 0, status="canceled", ended_at=at("2026-10-31 23:59"))
    for tenant in (begun, tried, left):
        assert made.changes(tenant, "at")[-1] == (at("2026-10-31 23:59"),)


def test_what_is_heard_of_months_later_does_not_change_the_months_before(made: Books) -> None:
    tenant = made.tenant()
    made.becomes(made.subscribe(tenant, started_at=at("2026-06-01")), "2026-11-05 12:00", 1900)
    assert made.changes(tenant, "at") == [(at("2026-11-05 12:00"),)]


def test_no_two_changes_of_a_tenant_are_at_the_same_moment_though_its_clock_stands_still(made: Books) -> None:
    tenant, moment = made.tenant(), "2026-11-05 12:00"
    paid = made.pays(tenant, moment, 1900)
    for amount in (2300, 1900, 2700):
        made.becomes(paid, moment, amount)
    assert made.changes(tenant, 'kind, "before", "after"') == [
        ("new", 0, 1900), ("expansion", 1900, 2300), ("contraction", 2300, 1900), ("expansion", 1900, 2700),
    ]  # fmt: skip
    moments = [row[0] for row in made.changes(tenant, "at")]
    assert len(set(moments)) == 4
    assert moments[-1] - moments[0] < timedelta(seconds=1)


def test_play_money_is_nobodys_past_once_the_key_is_a_live_one(made: Books) -> None:
    tenant = made.tenant()
    made.pays(tenant, "2026-09-01", 1900)
    made.pays(tenant, "2026-10-01", 4900, "growth", livemode=True)
    assert made.changes(tenant, "kind, livemode") == [("new", False), ("new", True)]


def test_a_trial_and_a_grant_are_no_revenue(made: Books) -> None:
    tried, given, both = (made.tenant() for _ in range(3))
    made.becomes(made.subscribe(tried, status="trialing"), "2026-11-01", 0)
    made.subscribe(both, started_at=at("2026-11-01"))
    for tenant in (given, both):
        sql(made.app, "INSERT INTO platform.grants (id, tenant, plan, reason, author) VALUES"
            " (gen_random_uuid(), :tenant, 'scale', 'A friend of the house.', 'system')", tenant=tenant)  # fmt: skip
    for tenant in (tried, given, both):
        with made.app.app_context(), transaction():
            entitlements.settle(tenant, Cause("rule", "tests"))
    assert made.changes(tried) == made.changes(given) == []
    assert made.changes(both, 'kind, plan, "after"') == [("new", "starter", 1900)]  # the control: what is paid counts


def told(**values: object) -> InvoiceState:
    plain = {
        "id": "in_x", "customer": None, "subscription": None, "number": None, "status": "open", "reason": None,
        "currency": "usd", "next_attempt_at": None, "payment": None, "confirm": False, "disputed": False,
        "page_url": None, "pdf_url": None, "created_at": NOON, "finalized_at": NOON, "paid_at": None,
        **dict.fromkeys(["subtotal", "discount", "tax", "total", "due", "paid", "refunded", "credited", "attempts"], 0),
    }  # fmt: skip
    return InvoiceState(**(plain | values))


@pytest.mark.parametrize(
    ("answers", "failed"),
    [
        ([told(attempts=0)], False),
        ([told(attempts=1, status="paid")], False),
        ([told(attempts=1)], True),
        ([told(attempts=2, status="paid")], True),
        ([told(attempts=1), told(attempts=1, status="paid")], True),  # by hand, which Stripe does not count
        ([told(attempts=1, status="uncollectible")], True),
    ],
)
def test_an_invoice_keeps_that_its_payment_failed(made: Books, answers: list[InvoiceState], failed: bool) -> None:
    tenant = made.tenant()
    subscription = made.subscribe(tenant)
    for n, answer in enumerate(answers):
        with made.app.app_context(), transaction():
            mirror.store(tenant, replace(answer, id=f"in_{tenant}", subscription=subscription), NOON + timedelta(n))
    assert sql(made.app, "SELECT failed FROM platform.invoices WHERE id = :id", id=f"in_{tenant}") == [(failed,)]


def test_an_older_answer_that_comes_late_still_tells_of_the_failure(made: Books) -> None:
    tenant = made.tenant()
    for answer, asked in ((told(attempts=1, status="paid"), NOON), (told(attempts=1), NOON - timedelta(seconds=5))):
        with made.app.app_context(), transaction():
            mirror.store(tenant, replace(answer, id=f"in_{tenant}"), asked)
    row = sql(made.app, "SELECT status, failed FROM platform.invoices WHERE id = :id", id=f"in_{tenant}")
    assert row == [("paid", True)]
