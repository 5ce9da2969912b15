"""Each number opens a list whose rows sum up to it; both can be had as files."""

import csv
import io

import pytest

from billing.revenue import lists, report, sheets
from billing.revenue.months import Month
from billing.revenue.movements import KINDS, MOVES
from billing.revenue.report import Report
from billing.revenue.scope import Scope
from billing.revenue.wanted import Wanted
from tests.support.books import OPEN, Books, at
from tests.support.threads import statements

LAST = Month(2026, 11)
NASTY = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1")  # noqa: RUF001


@pytest.fixture
def busy(made: Books) -> Books:
    """Something of everything, in three months."""
    for n in range(8):
        tenant, plan = made.tenant(f"Shop {n}"), ("starter", "growth")[n % 2]
        paid = made.pays(tenant, f"2026-09-{n + 1:02}", 1900 + n, plan)
        made.becomes(paid, f"2026-10-{n + 1:02}", (4900, 900)[n % 2], ("growth", "starter")[n // 2 % 2])
        if n in {1, 2, 3}:
            made.leaves(paid, f"2026-10-{n + 20}")
        if n == 3:
            made.pays(tenant, "2026-11-05", 1900, "growth")
        made.invoice(paid, f"2026-{9 + n % 3:02}-12", **(OPEN if n < 4 else {"failed": True, "attempts": 2}))
        trial = made.subscribe(tenant, trial_end=at(f"2026-{9 + n % 3:02}-14"), plan=plan)
        if n % 2:
            made.invoice(trial, f"2026-{9 + n % 3:02}-14 01:00")
    return made


def numbers(found: Report, scope: Scope) -> dict[tuple[str, str], int]:
    """Each number of the three months, by its list and month."""
    told = {("overdue", str(LAST)): found.overdue_of(scope).amount}
    for fall in found.waterfall(scope)[-3:]:
        month = str(fall.month)
        told |= {("start", month): fall.start, ("end", month): fall.end}
        told |= {(name, month): fall.movements[name] for name in (*KINDS, *MOVES)}
        failed, tried = found.failed(scope, fall.month), found.conversion(scope, fall.month)
        told |= {("failed", month): failed.failed_amount, ("recovered", month): failed.recovered_amount}
        told |= {("trials", month): tried.ended, ("converted", month): tried.paying}
    return told


@pytest.mark.parametrize("plan", ["starter", "growth", ""])
def test_every_number_is_what_its_list_sums_up_to(busy: Books, plan: str) -> None:
    scope, seen = Scope(busy.currency, plan), set[str]()
    with busy.app.app_context():
        told = numbers(report.read(LAST), scope)
        for (what, month), number in told.items():
            if not plan and what in MOVES:
                continue  # all plans together have no such number
            wanted = Wanted(what, Month.read(month) or LAST, scope)
            page = lists.page(wanted, 1)
            assert page.total == number, (what, month)
            assert page.total == sum(row.counted for row in page.rows)
            assert page.count == len(page.rows)
            seen |= {what} if page.rows else set()
    assert plan or seen == set(lists.LISTS) - set(MOVES)


def test_a_list_leads_from_page_to_page_in_two_queries_each(made: Books) -> None:
    tenants = [made.tenant() for _ in range(3)]
    for n in range(lists.PAGE_SIZE + 5):
        made.pays(tenants[n % 3], "2026-11-05", 100)
    wanted = Wanted("reactivation", LAST, Scope(made.currency))
    with made.app.app_context():
        pages = [lists.page(wanted, n) for n in (1, 2, 3)]
        with statements(made.app) as sent:
            lists.page(wanted, 1)
    assert len(sent) == 2
    assert [(len(page.rows), page.more) for page in pages] == [(lists.PAGE_SIZE, True), (2, False), (0, False)]
    assert {page.count for page in pages} == {lists.PAGE_SIZE + 2}  # the first of each of the three is new
    assert len({(row.tenant, row.at) for page in pages for row in page.rows}) == lists.PAGE_SIZE + 2


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_list_is_a_file_with_amounts_in_both_units(made: Books) -> None:
    tenant = made.tenant("Ada's shop, Ltd")
    paid = made.pays(tenant, "2026-10-05", 1905)
    made.leaves(paid, "2026-11-05 10:30")
    wanted = Wanted("churn", LAST, Scope(made.currency))
    with made.app.app_context():
        (line,) = read(sheets.listed(wanted, lists.everything(wanted)))
    assert line == {
        "currency": made.currency.upper(), "tenant": tenant, "name": "Ada's shop, Ltd", "plan_before": "starter",
        "plan": "starter", "before": "19.05", "after": "0.00", "counted": "-19.05", "at": "2026-11-05T10:30:00Z",
        "subscription": paid, "before_minor": "1905", "after_minor": "0", "counted_minor": "-1905",
    }  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_no_formula(made: Books, name: str) -> None:
    made.pays(made.tenant(name), "2026-11-05", 1900)
    wanted = Wanted("new", LAST, Scope(made.currency))
    with made.app.app_context():
        (line,) = read(sheets.listed(wanted, lists.everything(wanted)))
    assert line["name"] == f"'{name}"


def test_the_waterfall_is_a_file_of_every_currency(busy: Books) -> None:
    with busy.app.app_context():
        found = report.read(LAST)
        lines = [line for line in read(sheets.waterfall(found, "")) if line["currency"] == busy.currency.upper()]
        growth = [line for line in read(sheets.waterfall(found, "growth")) if line["month"] == "2026-10"]
    assert [line["month"] for line in lines][::11] == ["2025-12", "2026-11"]
    october = lines[-2]
    assert (october["plan"], october["start_minor"], october["start"]) == ("all", "15228", "152.28")
    parts = [int(october[f"{name}_minor"]) for name in ("start", *KINDS, *MOVES)]
    assert sum(parts) == int(october["end_minor"])
    assert october["churn"] == f"{int(october['churn_minor']) / 100:.2f}"
    assert all(line["plan"] == "growth" for line in growth)


def test_yen_have_no_cents_in_a_file(made: Books) -> None:
    made.pays(made.tenant(), "2026-11-05", 2800, currency="jpy")
    wanted = Wanted("new", LAST, Scope("jpy"))
    with made.app.app_context():
        lines = read(sheets.listed(wanted, lists.everything(wanted)))
    mine = [line for line in lines if line["tenant"] in made.tenants]
    assert [(line["after"], line["after_minor"]) for line in mine] == [("2800", "2800")]
