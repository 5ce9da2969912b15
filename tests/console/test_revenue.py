"""The back office's pages of what the business earns, and `saas billing revenue`."""

import csv
import html
import io
import json
import re
from collections.abc import Iterator

import pytest
from flask import Flask

from billing.revenue import report
from billing.revenue.months import Month
from saas.console import revenue_chart
from saas.core.settings import Settings
from tests.support.books import OPEN, Books, books
from tests.support.command_line import Run, ready
from tests.support.database import left, more
from tests.support.pages import heading, words
from tests.support.people import Person
from tests.support.threads import statements

NAME = '=<b>"Ada" & sons</b>'


@pytest.fixture
def made(app: Flask) -> Iterator[Books]:
    with books(app) as made:
        yield made


@pytest.fixture
def autumn(made: Books) -> Books:
    """The example of docs/revenue.md."""
    a, b, c = (made.tenant(name) for name in (NAME, "Bert", "Cleo"))
    ada, bert = made.pays(a, "2026-09-05", 1900), made.pays(b, "2026-09-20", 1900)
    made.becomes(ada, "2026-10-05", 4900, "growth")
    made.leaves(bert, "2026-10-20")
    cleo = made.pays(c, "2026-10-25", 1900)
    made.becomes(ada, "2026-11-05", 1900, "starter")
    made.pays(b, "2026-11-10", 4900, "growth")
    made.becomes(cleo, "2026-11-12", 2300, "starter")
    made.invoice(cleo, "2026-11-13", **OPEN)
    return made


def opened(operator: Person, made: Books, path: str = "/console/revenue", **more_: str):
    params = {"currency": made.currency, "month": "2026-11"} | more_
    page = operator.browser.open(path, params=params)
    assert page.status == 200
    return page


def test_the_page_tells_the_year_and_what_changed_it(operator: Person, autumn: Books) -> None:
    page, sign = opened(operator, autumn), autumn.currency.upper()
    assert heading(page) == "Revenue"
    text = words(page)
    for part in (
        f"November 2026 {sign} 68.00 {sign} 0.00 {sign} 49.00 {sign} 4.00 -{sign} 30.00 {sign} 0.00 {sign} 91.00",
        f"October 2026 {sign} 38.00 {sign} 19.00 {sign} 0.00 {sign} 30.00 {sign} 0.00 -{sign} 19.00 {sign} 68.00",
        f"MRR went from {sign} 0.00 at the start of September 2026 to {sign} 91.00",
        f"Overdue now {sign} 19.00 1 invoice",
        f"Starter 2 {sign} 42.00",
    ):
        assert part in text, part
    assert "August 2026 " + sign not in text.partition("Trials and payments by month")[0]  # before it all began
    assert "does not add up" not in text


def test_a_plan_is_looked_at_by_itself(operator: Person, autumn: Books) -> None:
    text, sign = words(opened(operator, autumn, plan="growth")), autumn.currency.upper()
    assert "Moved to another plan" in text
    row = f"November 2026 {sign} 49.00 {sign} 0.00 {sign} 49.00 {sign} 0.00 {sign} 0.00 {sign} 0.00 {sign} 0.00"
    assert f"{row} -{sign} 49.00 {sign} 49.00" in text


def test_every_number_is_a_link_to_what_it_consists_of(operator: Person, autumn: Books) -> None:
    page = opened(operator, autumn)
    cells = re.findall(r'<td class="number">(.*?)</td>', page.text) + re.findall(r"<dd>(.*?)</dd>", page.text)
    assert len(cells) > 80
    found = [re.search(r'href="(/console/revenue/list[^"]*)"', cell) for cell in cells]
    assert None not in found
    links = {html.unescape(link[1]) for link in found if link}
    assert len({re.search(r"what=([a-z-]+)", link)[1] for link in links}) == 12  # type: ignore[index]
    for link in sorted(links)[::9]:
        assert operator.browser.open(link).status == 200, link


def test_a_list_names_who_and_leads_to_them(operator: Person, autumn: Books) -> None:
    page, sign = opened(operator, autumn, "/console/revenue/list", what="contraction"), autumn.currency.upper()
    assert heading(page) == "Contraction"
    assert f"{sign}, November 2026: 1 row, together -{sign} 30.00." in words(page)
    assert f"Growth Starter {sign} 49.00 {sign} 19.00 -{sign} 30.00 5 Nov 2026, 00:00" in words(page)
    assert f'href="/console/tenants/{autumn.tenants[0]}"' in page.text
    assert NAME in words(page)
    assert '<b>"Ada"' not in page.text
    nothing = opened(operator, autumn, "/console/revenue/list", what="churn")
    assert "Nothing of this kind happened." in words(nothing)
    assert "That page is beyond the last." in words(
        opened(operator, autumn, "/console/revenue/list", what="contraction", page="2")
    )


def test_figures_and_lists_are_files(operator: Person, autumn: Books) -> None:
    year, listed = (
        operator.browser.request("GET", f"{operator.browser.site}/console/revenue{path}", params={
            "currency": autumn.currency, "month": "2026-11", "what": "contraction",
        })
        for path in (".csv", "/list.csv")
    )  # fmt: skip
    for answer in (year, listed):
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="revenue-')
        assert answer.headers["Cache-Control"] == "no-store"
    lines = [line for line in csv.DictReader(io.StringIO(year.text)) if line["currency"] == autumn.currency.upper()]
    assert [line["end"] for line in lines][-3:] == ["38.00", "68.00", "91.00"]
    (line,) = csv.DictReader(io.StringIO(listed.text))
    assert (line["name"], line["counted"], line["counted_minor"]) == (f"'{NAME}", "-30.00", "-3000")


def test_a_month_that_does_not_add_up_says_so(operator: Person, autumn: Books, run: Run) -> None:
    """The control of all that is added up here: a churn that is written down twice."""
    assert told(run, autumn)["unexplained"] == 0
    autumn.double("churn")
    assert "October 2026 does not add up:" in words(opened(operator, autumn))
    wrong = run("billing", "revenue", "--month", "2026-10")
    assert wrong.exit_code == 1
    assert "2026-10 does not add up" in wrong.output


def test_a_currency_without_revenue_has_an_empty_page(operator: Person, made: Books) -> None:
    page = opened(operator, made, month="2024-06")
    assert "No revenue yet" in words(page)
    assert 'class="chart"' not in page.text
    assert "June 2024" in words(page)


def test_one_month_is_one_row(operator: Person, made: Books) -> None:
    made.pays(made.tenant(), "2026-11-05", 1900)
    page, sign = opened(operator, made), made.currency.upper()
    assert f"November 2026 {sign} 0.00 {sign} 19.00" in words(page)
    assert page.text.count('class="chart-new"') == 2  # the bar, and what says its colour


def test_many_currencies_are_tabs_and_never_summed(app: Flask, operator: Person, made: Books) -> None:
    with books(app) as other:
        made.pays(made.tenant(), "2026-11-05", 1900)
        other.pays(other.tenant(), "2026-11-05", 2100)
        page = opened(operator, made)
        assert {made.currency.upper(), other.currency.upper()} <= set(
            re.findall(r">([A-Z]{3})</a>", page.text.partition('aria-label="Currency"')[2])
        )
        for amount, there in (("19.00", True), ("21.00", False), ("40.00", False)):
            assert (f" {amount}" in words(page)) is there


@pytest.mark.parametrize("path", ["/console/revenue", "/console/revenue/list", "/console/revenue.csv"])
def test_what_there_is_not_breaks_nothing(operator: Person, path: str) -> None:
    for wanted in ("' OR 1=1 --", "x" * 5000, "\u00e9\u202e", "2026-13", "-1", "9" * 40):
        every = dict.fromkeys(("month", "currency", "plan", "page"), wanted)
        assert operator.browser.open(path, params={"what": "new"} | every).status == 200, wanted
    if path.endswith("list"):
        assert operator.browser.open(path, params={"what": "nothing"}).status == 404


def test_looking_changes_nothing_and_asks_as_much_whatever_there_is(
    app: Flask, operator: Person, autumn: Books
) -> None:
    def asked(**more_: str) -> int:
        with statements(app) as sent:
            opened(operator, autumn, **more_)
        return sum(bool(re.search("mrr_changes|subscriptions|invoices", text)) for text in sent)

    before = left(app)
    assert asked() == asked(month="2024-01") == asked(plan="growth") == report.QUERIES
    assert more(before, left(app)) == {}


# The drawing


def test_the_drawing_ends_where_the_figures_do(app: Flask, autumn: Books) -> None:
    with app.app_context():
        falls = report.read(Month(2026, 11)).waterfall(report.Scope(autumn.currency))[-3:]
    chart = revenue_chart.draw(falls, "usd")
    assert chart
    heights = {line.words: line.y for line in chart.scale}
    assert list(heights) == ["$0.00", "$50.00", "$100.00", "$150.00"]
    per_dollar = (heights["$0.00"] - heights["$100.00"]) / 100
    assert chart.levels[-1].y == pytest.approx(heights["$0.00"] - 91 * per_dollar, abs=0.1)
    october, november = ["new", "expansion", "churn"], ["reactivation", "expansion", "contraction"]
    assert [bar.kind for bar in chart.bars] == ["new", *october, *november]
    assert chart.bars[-1].height == pytest.approx(30 * per_dollar, abs=0.2)
    assert chart.bars[-1].words == "November 2026: -$30.00"
    assert all(bar.x >= 0 and bar.x + bar.width <= revenue_chart.WIDTH for bar in chart.bars)
    assert all(bar.y >= 0 and bar.y + bar.height <= revenue_chart.HEIGHT for bar in chart.bars)


def test_nothing_is_not_drawn(app: Flask, made: Books) -> None:
    with app.app_context():
        falls = report.read(Month(2026, 11)).waterfall(report.Scope(made.currency))
    assert revenue_chart.draw(falls, "usd") is None


# In a terminal


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Run:
    return ready(monkeypatch, settings)


def told(run: Run, made: Books, *words_: str) -> dict[str, object]:
    done = run("billing", "revenue", "--month", "2026-11", "--json", *words_)
    (found,) = [one for one in json.loads(done.stdout) if one["currency"] == made.currency]
    return dict(found)


def test_the_command_prints_a_table_and_tells_programs(run: Run, autumn: Books) -> None:
    assert told(run, autumn) == {
        "month": "2026-11", "currency": autumn.currency, "plan": None, "start": 6800, "new": 0, "reactivation": 4900,
        "expansion": 400, "contraction": -3000, "churn": 0, "moved-in": 0, "moved-out": 0, "end": 9100,
        "unexplained": 0, "workspaces": 3, "trials": {"ended": 0, "paying": 0, "waiting": 0},
        "failed": {"payments": 1, "amount": 1900}, "recovered": {"payments": 0, "amount": 0},
    }  # fmt: skip
    assert told(run, autumn, "--plan", "growth")["moved-out"] == -4900
    table, sign = run("billing", "revenue", "--month", "2026-11").output, autumn.currency.upper()
    assert "month    currency  start" in table
    row = rf"^2026-11  {sign} +{sign} 68\.00 +{sign} 0\.00 +{sign} 49\.00 .*{sign} 91\.00$"
    assert re.search(row, table, re.MULTILINE)
    whole = run("billing", "revenue", "--json")
    assert len([one for one in json.loads(whole.stdout) if one["currency"] == autumn.currency]) in {0, 12}


def test_a_month_or_plan_that_is_none_is_told(run: Run) -> None:
    for words_ in (("--month", "November"), ("--month", "2026-13"), ("--plan", "nonsense")):
        assert run("billing", "revenue", *words_).exit_code == 2, words_
