"""The back office's pages of what the business earns: the figures by month, and what each of them consists of."""

from dataclasses import dataclass, replace
from typing import Any

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from billing.money import shown
from billing.plans import catalog
from billing.revenue import lists, months, report, sheets
from billing.revenue.lists import LISTS
from billing.revenue.months import Month
from billing.revenue.movements import KINDS, MOVES
from billing.revenue.report import Report
from billing.revenue.scope import Scope
from billing.revenue.wanted import Wanted
from billing.revenue.waterfall import Fall
from saas.console import revenue_chart
from saas.console.door import blueprint
from saas.core.errors import NotFound

_LONGEST = 40  # characters of a part of the URL
_MOST_PAGES = 100_000


@dataclass(frozen=True)
class Look:
    """What the URL asks for."""

    month: Month
    currency: str
    plan: str

    @property
    def scope(self) -> Scope:
        return Scope(self.currency, self.plan)

    def arguments(self, **changes: Any) -> dict[str, Any]:
        """For a URL; of the plan nothing where it is all of them."""
        return {"month": str(self.month), "currency": self.currency, "plan": self.plan or None, **changes}


@blueprint.get("/revenue")
def revenue() -> ResponseReturnValue:
    this = months.current()
    look = _look(this)
    found = report.read(look.month)
    look = _known(look, found)
    falls = _begun(found, look.scope)
    return render_template(
        "console/revenue.html",
        look=look,
        this=this,
        report=found,
        falls=falls,
        chart=revenue_chart.draw(falls, look.currency),
        names=(*KINDS, *MOVES) if look.plan else KINDS,
        **_words(),
    )


@blueprint.get("/revenue.csv")
def revenue_csv() -> ResponseReturnValue:
    """The year of every currency."""
    look = _look(months.current())
    found = report.read(look.month)
    return _file(sheets.waterfall(found, _known(look, found).plan), f"revenue-{look.month}.csv")


@blueprint.get("/revenue/list")
def revenue_list() -> ResponseReturnValue:
    wanted, number = _wanted(), _page()
    return render_template(
        "console/revenue_list.html",
        wanted=wanted,
        look=Look(wanted.month, wanted.scope.currency, wanted.scope.plan),
        kind=LISTS[wanted.what],
        page=lists.page(wanted, number),
        number=number,
        **_words(),
    )


@blueprint.get("/revenue/list.csv")
def revenue_list_csv() -> ResponseReturnValue:
    wanted = _wanted()
    name = f"revenue-{wanted.what}-{wanted.month}-{wanted.scope.currency}.csv"
    return _file(sheets.listed(wanted, lists.everything(wanted)), name)


def _words() -> dict[str, Any]:
    return {"money": shown, "plan_name": catalog.name_of, "titles": {name: kind.title for name, kind in LISTS.items()}}


def _begun(found: Report, scope: Scope) -> list[Fall]:
    """Without the months before anything was paid for; never without the last."""
    falls = found.waterfall(scope)
    first = next((n for n, fall in enumerate(falls) if fall.start or fall.end or any(fall.movements.values())), -1)
    return falls[first:]


def _look(this: Month) -> Look:
    currency = _text("currency").lower()
    return Look(Month.read(_text("month")) or this, currency or catalog.CURRENCY, _text("plan"))


def _known(look: Look, found: Report) -> Look:
    """A currency or plan that there is not is as none."""
    currency = look.currency if look.currency in found.currencies else found.currencies[0]
    return replace(look, currency=currency, plan=look.plan if look.plan in found.plans else "")


def _wanted() -> Wanted:
    """What is paid for now, where nothing else is asked for. Raises NotFound."""
    look, what = _look(months.current()), _text("what") or "end"
    if what not in LISTS:
        raise NotFound
    return Wanted(what, look.month, look.scope)


def _page() -> int:
    given = _text("page")
    return min(int(given), _MOST_PAGES) if given.isascii() and given.isdecimal() and int(given) > 0 else 1


def _file(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(text, mimetype="text/csv", headers=headers)


def _text(name: str) -> str:
    return request.args.get(name, "").strip()[:_LONGEST]
