"""`saas billing revenue`: what the business earns, month by month; docs/revenue.md defines each number."""

import json
import sys
from typing import Any

import click

from billing.money import shown
from billing.revenue import months, report
from billing.revenue.months import Month
from billing.revenue.movements import KINDS, MOVES
from billing.revenue.report import Report
from billing.revenue.scope import Scope
from billing.revenue.waterfall import Fall
from saas.cli.answers import as_json
from saas.cli.context import application, table


def _read(_context: click.Context, _parameter: click.Parameter, given: str | None) -> Month | None:
    found = Month.read(given) if given else None
    if given and found is None:
        raise click.BadParameter("a month is written as 2026-11")
    return found


@click.command()
@click.option("--month", callback=_read, default=None, metavar="2026-11", help="Only this one, instead of a year.")
@click.option("--plan", default="", help="Of one plan, by its code.")
@as_json
def revenue(month: Month | None, plan: str, as_json: bool) -> None:
    """MRR at the start and end of each month, and what changed it; each currency by itself.

    Months are in UTC. Exit status: 1 when the movements of a month do not explain how it ended.
    """
    with application():
        found = report.read(month or months.current())
        if plan and plan not in found.plans:
            raise click.UsageError(f"--plan is one of {', '.join(found.plans)}")
        falls = [(Scope(currency, plan), fall) for currency in found.currencies for fall in _of(found, currency, plan)]
    wanted = [(scope, fall) for scope, fall in falls if month in {None, fall.month}]
    if as_json:
        click.echo(json.dumps([_told(found, scope, fall) for scope, fall in wanted]))
    else:
        names = ("start", *KINDS, *(MOVES if plan else ()), "end")
        table(("month", "currency", *names), [_row(scope, fall, names) for scope, fall in wanted], as_json=False)
    _end([fall for _, fall in wanted if fall.gap])


def _of(found: Report, currency: str, plan: str) -> list[Fall]:
    return found.waterfall(Scope(currency, plan))


def _row(scope: Scope, fall: Fall, names: tuple[str, ...]) -> list[str]:
    amounts = {"start": fall.start, **fall.movements, "end": fall.end}
    return [str(fall.month), scope.currency.upper(), *(shown(amounts[name], scope.currency) for name in names)]


def _told(found: Report, scope: Scope, fall: Fall) -> dict[str, Any]:
    """Amounts are in the minor unit."""
    tried, failed = found.conversion(scope, fall.month), found.failed(scope, fall.month)
    return {
        "month": str(fall.month),
        "currency": scope.currency,
        "plan": scope.plan or None,
        "start": fall.start,
        **{name: fall.movements[name] for name in (*KINDS, *MOVES)},
        "end": fall.end,
        "unexplained": fall.gap,
        "workspaces": fall.tenants,
        "trials": {"ended": tried.ended, "paying": tried.paying, "waiting": tried.waiting},
        "failed": {"payments": failed.failed, "amount": failed.failed_amount},
        "recovered": {"payments": failed.recovered, "amount": failed.recovered_amount},
    }


def _end(wrong: list[Fall]) -> None:
    for fall in wrong:
        click.echo(f"{fall.month} does not add up: a change was written down twice, or not at all.", err=True)
    if wrong:
        sys.exit(1)
