"""Which list is wanted, and what one is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from billing.revenue.months import Month
from billing.revenue.scope import Scope
from tenants.models import Tenant

Query = sa.Select[Any]
WHO = (Tenant.id.label("tenant"), Tenant.name.label("name"))  # the first columns of each


@dataclass(frozen=True)
class Column:
    name: str  # in the row, and in a file
    label: str
    kind: str = "text"  # or "money", "time", "plan", "number"


@dataclass(frozen=True)
class Wanted:
    what: str  # the list's name
    month: Month
    scope: Scope


@dataclass(frozen=True)
class Kind:
    """A kind of list. Its query has WHO, the columns, and `counted`: what a row adds to the number that opens it."""

    title: str
    columns: Sequence[Column]
    query: Callable[[Wanted], Query]
    of: str = "month"  # a whole "month", its "start" or "end", or "now"
    money: bool = True  # whether `counted` is an amount
    none: str = "Nothing of this kind happened."


def of_plan(wanted: Wanted, *columns: sa.SQLColumnExpression[str]) -> list[sa.ColumnElement[bool]]:
    """As conditions: that a plan is the one that is looked at."""
    return [column == wanted.scope.plan for column in columns] if wanted.scope.plan else []


def in_month(wanted: Wanted, column: sa.SQLColumnExpression[Any]) -> list[sa.ColumnElement[bool]]:
    return [column >= wanted.month.first, column < wanted.month.end]
