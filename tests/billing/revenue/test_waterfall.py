"""The waterfall by months, plans and currencies, with figures worked out by hand; it adds up whatever happens."""

import secrets
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from billing.ledger import MrrChange
from billing.mirrored import mrr
from billing.mirrored.mrr import Level
from billing.revenue import report
from billing.revenue.months import Month, year_to
from billing.revenue.scope import Scope
from billing.revenue.waterfall import Fall
from saas.core.database import db
from tests.support.books import OPEN, Books, at, books
from tests.support.database import sql
from tests.support.threads import statements

SEED = 20_261_105
LAST = Month(2026, 11)


def year(made: Books, plan: str = "", last: Month = LAST, currency: str = "") -> list[Fall]:
    with made.app.app_context():
        return report.read(last).waterfall(Scope(currency or made.currency, plan))


def told(fall: Fall) -> tuple[int, ...]:
    """start, new, reactivation, expansion, contraction, churn, moved in, moved out, end"""
    names = ("new", "reactivation", "expansion", "contraction", "churn", "moved-in", "moved-out")
    return (fall.start, *(fall.movements[name] for name in names), fall.end)


@pytest.fixture
def autumn(made: Books) -> Books:
    """The example of docs/revenue.md.

    September: A and B begin with Starter (19.00). October: A goes up to Growth (49.00), B leaves, C begins with
    Starter. November: A goes down to Starter again, B comes back with Growth, C takes a seat more (4.00).
    """
    a, b, c = (made.tenant(name) for name in "ABC")
    ada, bert = made.pays(a, "2026-09-05", 1900), made.pays(b, "2026-09-20", 1900)
    made.becomes(ada, "2026-10-05", 4900, "growth")
    made.leaves(bert, "2026-10-20")
    cleo = made.pays(c, "2026-10-25", 1900)
    made.becomes(ada, "2026-11-05", 1900, "starter")
    made.pays(b, "2026-11-10", 4900, "growth")
    made.becomes(cleo, "2026-11-12", 2300, "starter")
    return made


def test_each_month_leads_from_its_start_to_its_end(autumn: Books) -> None:
    *before, september, october, november = year(autumn)
    assert {told(fall) for fall in before} == {(0,) * 9}
    assert told(september) == (0, 3800, 0, 0, 0, 0, 0, 0, 3800)
    assert told(october) == (3800, 1900, 0, 3000, 0, -1900, 0, 0, 6800)
    assert told(november) == (6800, 0, 4900, 400, -3000, 0, 0, 0, 9100)
    assert [fall.tenants for fall in (september, october, november)] == [2, 2, 3]
    assert not any(fall.gap for fall in year(autumn))


def test_a_plan_loses_and_gets_who_changes_it(autumn: Books) -> None:
    october, november = year(autumn, "starter")[-2:]
    assert told(october) == (3800, 1900, 0, 0, 0, -1900, 0, -1900, 1900)
    assert told(november) == (1900, 0, 0, 400, -3000, 0, 4900, 0, 4200)
    october, november = year(autumn, "growth")[-2:]
    assert told(october) == (0, 0, 0, 3000, 0, 0, 1900, 0, 4900)
    assert told(november) == (4900, 0, 4900, 0, 0, 0, 0, -4900, 4900)
    assert not any(fall.gap for plan in ("starter", "growth", "scale") for fall in year(autumn, plan))


def test_plans_together_are_all_of_it(autumn: Books) -> None:
    whole, starter, growth = (year(autumn, plan) for plan in ("", "starter", "growth"))
    for month in range(12):
        parts = [told(falls[month]) for falls in (starter, growth)]
        summed = [sum(pair) for pair in zip(*parts, strict=True)]
        moved = slice(6, 8)
        assert sum(summed[moved]) == 0  # what one loses the other gets
        assert [n for at_, n in enumerate(summed) if at_ not in (6, 7)] == [
            n for at_, n in enumerate(told(whole[month])) if at_ not in (6, 7)
        ]


def test_a_month_begins_with_its_first_moment_in_utc(made: Books) -> None:
    first, last = made.tenant(), made.tenant()
    made.pays(first, "2026-10-31 23:59:59.999999", 1900)
    made.pays(last, "2026-11-01 00:00", 700)
    october, november = year(made)[-2:]
    assert told(october) == (0, 1900, 0, 0, 0, 0, 0, 0, 1900)
    assert told(november) == (1900, 700, 0, 0, 0, 0, 0, 0, 2600)


def test_the_borders_do_not_depend_on_where_the_database_is(made: Books) -> None:
    made.pays(made.tenant(), "2026-11-01 00:30", 1900)
    with made.app.app_context():
        for zone in ("America/New_York", "Asia/Tokyo"):
            db.session.execute(sa.text(f"SET LOCAL TIME ZONE '{zone}'"))
            assert told(report.read(LAST).waterfall(Scope(made.currency))[-1])[1] == 1900, zone


def test_currencies_never_meet(app: Flask, made: Books) -> None:
    with books(app) as other:
        made.pays(made.tenant(), "2026-11-02", 1900)
        other.pays(other.tenant(), "2026-11-02", 500)
        assert [fall[-1].end for fall in (year(made), year(other))] == [1900, 500]
        with app.app_context():
            found = report.read(LAST)
        assert {made.currency, other.currency} <= set(found.currencies)


def test_who_comes_back_in_another_currency_has_left_the_first(app: Flask, made: Books) -> None:
    tenant, elsewhere = made.tenant(), "z99"
    first = made.pays(tenant, "2026-10-02", 1900)
    made.leaves(first, "2026-11-03")
    made.pays(tenant, "2026-11-04", 1900, currency=elsewhere)
    assert told(year(made)[-1]) == (1900, 0, 0, 0, 0, -1900, 0, 0, 0)
    assert told(year(made, currency=elsewhere)[-1])[2] == 1900
    assert not any(fall.gap for currency in (made.currency, elsewhere) for fall in year(made, currency=currency))


def test_play_money_is_not_counted_under_a_live_key(app: Flask, made: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = made.tenant()
    played = made.pays(tenant, "2026-10-02", 1900)
    made.invoice(played, "2026-11-02", **OPEN)
    made.pays(tenant, "2026-11-02", 4900, "growth", livemode=True)
    settings_ = app.extensions["freehold.settings"].model_copy(update={"stripe_secret_key": "sk_live_x"})
    monkeypatch.setitem(app.extensions, "freehold.settings", settings_)
    assert told(year(made)[-1]) == (0, 4900, 0, 0, 0, 0, 0, 0, 4900)
    with app.app_context():
        assert report.read(LAST).overdue_of(Scope(made.currency)).count == 0


def test_a_reactivation_that_is_written_down_as_new_too_does_not_add_up(made: Books) -> None:
    """The control: the ends are what tenants pay, so that they do not follow the movements into an error."""
    tenant = made.tenant()
    made.leaves(made.pays(tenant, "2026-09-02", 1900), "2026-10-02")
    made.pays(tenant, "2026-11-02", 1900)
    assert [fall.gap for fall in year(made)[-3:]] == [0, 0, 0]
    made.double("reactivation", "new")
    november = year(made)[-1]
    assert (november.start, november.end, november.net, november.gap) == (0, 1900, 3800, -1900)


def test_a_change_that_was_not_written_down_does_not_add_up(made: Books) -> None:
    tenant = made.tenant()
    paid = made.pays(tenant, "2026-10-02", 1900)
    sql(
        made.app,
        "INSERT INTO platform.mrr_changes (id, tenant, at, kind, plan, plan_before, currency, before, after,"
        " subscription, livemode) VALUES (gen_random_uuid(), :tenant, '2026-11-02Z', 'expansion', 'starter', 'starter',"
        " :currency, 2300, 2700, :paid, false)",
        tenant=tenant, currency=made.currency, paid=paid,
    )  # fmt: skip
    assert year(made)[-1].gap == 400


def test_trials_convert_when_somebody_pays_after_them(made: Books) -> None:
    """Of five that ended in November two pay, one is still tried, one left in its middle and one at its end."""
    for days, values in ((10, {}), (12, {})):
        trial = made.subscribe(made.tenant(), trial_end=at(f"2026-11-{days}"))
        made.invoice(trial, f"2026-11-{days} 01:00", **values)
    waiting = made.subscribe(made.tenant(), trial_end=at("2026-11-14"), status="past_due")
    made.invoice(waiting, "2026-11-14 01:00", **OPEN)
    made.subscribe(made.tenant(), trial_end=at("2026-12-10"), status="canceled", ended_at=at("2026-11-20"))
    made.subscribe(made.tenant(), trial_end=at("2026-11-22"), status="canceled", ended_at=at("2026-11-22"))
    # None of these ended in November: one is under way, one ended in October and paid in November, one never was.
    made.subscribe(made.tenant(), trial_end=at("2026-11-28"), status="trialing")
    october = made.subscribe(made.tenant(), trial_end=at("2026-10-31 23:59"))
    made.invoice(october, "2026-11-01 01:00")
    made.invoice(made.subscribe(made.tenant()), "2026-11-05")
    with made.app.app_context():
        found = report.read(LAST)
    november, october_ = (found.conversion(Scope(made.currency), month) for month in (LAST, Month(2026, 10)))
    assert (november.ended, november.paying, november.waiting, november.percent) == (5, 2, 1, 40.0)
    assert (october_.ended, october_.paying, october_.percent) == (1, 1, 100.0)
    assert found.conversion(Scope(made.currency, "growth"), LAST).percent is None


def test_an_invoice_that_was_paid_in_the_trial_or_with_nothing_converts_nobody(made: Books) -> None:
    trial = made.subscribe(made.tenant(), trial_end=at("2026-11-10"), status="canceled")
    made.invoice(trial, "2026-11-01", paid_at=at("2026-11-01"))
    free = made.subscribe(made.tenant(), trial_end=at("2026-11-10"), status="canceled")
    made.invoice(free, "2026-11-11", total=0, paid=0)
    with made.app.app_context():
        found = report.read(LAST).conversion(Scope(made.currency), LAST)
    assert (found.ended, found.paying, found.waiting) == (2, 0, 0)


def test_a_payment_failed_in_the_month_in_which_it_failed_first(made: Books) -> None:
    """October: 19.00 and 49.00 failed, the second came in in November. November: 23.00 failed and is overdue, as the
    19.00 are; 7.00 were given up.
    """
    paid = made.subscribe(made.tenant())
    made.invoice(paid, "2026-10-10", **OPEN)
    late = {"total": 4900, "paid": 4900, "attempts": 3, "failed": True, "paid_at": at("2026-11-03")}
    made.invoice(paid, "2026-10-30", **late)
    made.invoice(paid, "2026-11-10", **(OPEN | {"due": 2300}))
    made.invoice(paid, "2026-11-11", **(OPEN | {"due": 700, "status": "uncollectible"}))
    made.invoice(paid, "2026-11-12")
    with made.app.app_context():
        found = report.read(LAST)
    scope = Scope(made.currency)
    october, november = (found.failed(scope, month) for month in (Month(2026, 10), LAST))
    assert (october.failed, october.failed_amount, october.recovered, october.recovered_amount) == (2, 6800, 1, 4900)
    assert (november.failed, november.failed_amount, november.recovered, november.recovered_amount) == (2, 3000, 0, 0)
    assert (found.overdue_of(scope).count, found.overdue_of(scope).amount) == (2, 4200)
    assert found.overdue_of(Scope(made.currency, "growth")).count == 0


def test_much_takes_as_many_queries_as_little(app: Flask, made: Books) -> None:
    def asked() -> int:
        with statements(app) as sent, app.app_context():
            report.read(LAST)
        return len(sent)

    assert asked() == report.QUERIES
    for n in range(6):
        paid = made.pays(made.tenant(), f"2026-0{n + 1}-05", 1900, "starter" if n % 2 else "growth")
        made.becomes(paid, f"2026-0{n + 2}-05", 2300, currency=made.currency)
        made.invoice(paid, f"2026-0{n + 2}-05", **OPEN)
    assert asked() == report.QUERIES


def test_a_month_is_written_and_read() -> None:
    assert Month.read("2026-11") == Month(2026, 11)
    assert str(Month(2026, 3)) == "2026-03"
    assert [Month.read(text) for text in ("", "2026-13", "2026-00", "1026-01", "2026-1", "२०२६-११")] == [None] * 6
    assert (Month(2026, 12).end, Month(2026, 1).later(-1)) == (Month(2027, 1).first, Month(2025, 12))
    assert [str(month) for month in year_to(Month(2026, 2))][::11] == ["2025-03", "2026-02"]


# Whatever happens

_LEVELS = st.builds(
    Level,
    plan=st.sampled_from(["starter", "growth", "other"]),
    currency=st.sampled_from(["zza", "zzb"]),
    amount=st.sampled_from([0, 0, 1, 1900, 4900]),
    subscription=st.sampled_from(["sub_1", "sub_2"]),
)
_LIVES = st.lists(st.lists(st.tuples(st.integers(0, 400 * 24), _LEVELS), max_size=8), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def lives(app: Flask) -> Iterator[Books]:
    with books(app) as made:
        for _ in range(4):
            made.tenant()
        yield made


@seed(SEED)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=_LIVES)
def test_any_sequence_of_movements_adds_up(lives: Books, found: list[list[tuple[int, Level]]]) -> None:
    """Of any currency and plan, in the database, and undone after each try."""
    with lives.app.app_context():
        names = {name: f"{name}{secrets.token_hex(2)}"[:3] for name in ("zza", "zzb")}
        for tenant, life in zip(lives.tenants, found, strict=False):
            live(tenant, life, names)
        db.session.flush()
        whole = report.read(LAST)
        for currency in names.values():
            for plan in ("", "starter", "growth", "other"):
                falls = whole.waterfall(Scope(currency, plan))
                assert [fall.gap for fall in falls] == [0] * 12, (SEED, found)
                assert all(late.start == early.end for early, late in pairwise(falls))
        news = [one for one in whole.sums if one.kind == "new" and one.currency in names.values()]
        assert sum(one.count for one in news) <= len(found)
        db.session.rollback()


def live(tenant: str, life: list[tuple[int, Level]], names: dict[str, str]) -> None:
    """Write down a tenant's life, each step so many hours after the start of the year."""
    last: Level | None = None
    moment = Month(2025, 12).first
    for hours, level in sorted(life, key=lambda step: step[0]):
        moment = max(moment + timedelta(microseconds=1), Month(2025, 12).first + timedelta(hours=hours))
        there = Level(level.plan, names[level.currency], level.amount, f"{level.subscription}-{level.currency}")
        for movement in mrr.movements(last, there):
            db.session.add(row(tenant, movement, moment))
            moment += timedelta(microseconds=1)
            last = movement.after


def row(tenant: str, movement: mrr.Movement, moment: object) -> MrrChange:
    before, after = movement.before, movement.after
    return MrrChange(
        tenant=tenant, at=moment, kind=movement.kind, plan=after.plan, plan_before=before.plan, currency=after.currency,
        before=before.amount, after=after.amount, subscription=after.subscription, livemode=False,
    )  # fmt: skip
