"""The list of all tenants: searched, narrowed to a status, sorted, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from billing.ledger import Flag
from billing.models import Subscription
from saas.accounts.models import User
from saas.core.database import db
from tenants.members.models import Membership, Role
from tenants.models import Standing, State, Tenant, is_business
from tenants.usage.limits import RECORDS
from tenants.usage.models import Usage

PAGE_SIZE = 50
MOST_PAGES = 10_000
_FROM_A = {"name", "plan"}  # columns whose first way is up; of numbers and times the largest come first
STATUSES = ("active", "preparing", "suspended", "past due", "trialing")
FLAGGED = "flagged"  # beside its status


@dataclass(frozen=True)
class View:
    """What part of the list is looked at, as the URL says."""

    search: str = ""
    status: str = ""  # one of STATUSES, or FLAGGED; "" for all
    sort: str = "-opened"  # one of SORTS, with a minus for the largest first
    page: int = 1

    @property
    def column(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def descending(self) -> bool:
        return self.sort.startswith("-")

    def by(self, column: str) -> "View":
        """The same sorted by a column; by the one it is sorted by already, the other way round."""
        if column == self.column:
            return replace(self, sort=column if self.descending else f"-{column}", page=1)
        return replace(self, sort=column if column in _FROM_A else f"-{column}", page=1)

    def narrowed(self, status: str) -> "View":
        return replace(self, status=status, page=1)

    def at(self, page: int) -> "View":
        return replace(self, page=page)

    def arguments(self) -> dict[str, str | int | None]:
        """For a URL; what is as usual is left out."""
        sort = None if self.sort == View.sort else self.sort
        page = None if self.page == 1 else self.page
        return {"q": self.search or None, "status": self.status or None, "sort": sort, "page": page}


def status() -> sa.ColumnElement[str]:
    """Exactly one for each tenant: what an operator has to know first."""
    return sa.case(
        (Tenant.suspended_at.is_not(None), "suspended"),
        (Tenant.state == State.PREPARING, "preparing"),
        (Tenant.standing != Standing.GOOD, "past due"),
        (trialing(), "trialing"),
        else_="active",
    )


def trialing() -> sa.ColumnElement[bool]:
    return sa.exists().where(Subscription.tenant == Tenant.id, Subscription.status == "trialing").correlate(Tenant)


def flagged() -> sa.ColumnElement[bool]:
    """Whether billing has raised a flag that nobody has cleared."""
    return sa.exists().where(Flag.tenant == Tenant.id, Flag.cleared_at.is_(None)).correlate(Tenant)


def _members() -> sa.ScalarSelect[int]:
    here = sa.select(sa.func.count()).select_from(Membership).where(Membership.tenant == Tenant.id)
    return here.correlate(Tenant).scalar_subquery()


def _records() -> sa.ColumnElement[int]:
    mine = (Usage.tenant == Tenant.id, Usage.resource == RECORDS.name, Usage.period == "")
    return sa.func.coalesce(sa.select(Usage.used).where(*mine).correlate(Tenant).scalar_subquery(), 0)


SORTS: dict[str, sa.ColumnElement[Any]] = {
    "name": sa.func.lower(Tenant.name),
    "opened": sa.type_coerce(Tenant.opened_at, sa.DateTime(timezone=True)),
    "plan": sa.type_coerce(Tenant.plan, sa.String),
    "members": sa.type_coerce(_members(), sa.Integer),
    "records": _records(),
}


def tenants(view: View) -> tuple[Sequence[Any], bool]:
    """One page of rows as the page shows them, and whether another follows; in one query."""
    query = (
        sa.select(
            Tenant.id,
            Tenant.name,
            Tenant.address,
            Tenant.state,
            Tenant.plan,
            Tenant.opened_at,
            status().label("status"),
            flagged().label("flagged"),
            _members().label("members"),
            _records().label("records"),
            _first_owner(User.email).label("owner"),
            _first_owner(User.confirmed_at.is_not(None)).label("confirmed"),
        )
        .where(*_matching(view))
        .order_by(*_order(view))
        .limit(PAGE_SIZE + 1)
        .offset((view.page - 1) * PAGE_SIZE)
    )
    rows = db.session.execute(query).all()
    return rows[:PAGE_SIZE], len(rows) > PAGE_SIZE


def counts(search: str) -> dict[str, int]:
    """How many of those that match the search have which status; in one query."""
    found = sa.select(status(), sa.func.count()).where(*_matching(View(search))).group_by(status())
    known = {name: count for name, count in db.session.execute(found)}  # noqa: C416  rows are no pairs to mypy
    return {name: known.get(name, 0) for name in STATUSES}


def flags(search: str) -> int:
    """How many of those that match the search are flagged."""
    return db.session.scalar(sa.select(sa.func.count()).where(*_matching(View(search, FLAGGED)))) or 0


def _matching(view: View) -> list[sa.ColumnElement[bool]]:
    conditions = [Tenant.state != State.SPARE, is_business()]
    if view.search:
        conditions.append(_found(view.search))
    if view.status == FLAGGED:
        conditions.append(flagged())
    elif view.status:
        conditions.append(status() == view.status)
    return conditions


def _found(search: str) -> sa.ColumnElement[bool]:
    owned = (
        sa.select(Membership.tenant)
        .join(User, User.id == Membership.user_id)
        .where(Membership.role == Role.OWNER, User.email.icontains(search, autoescape=True))
    )
    names = [column.icontains(search, autoescape=True) for column in (Tenant.name, Tenant.address)]
    return sa.or_(*names, Tenant.id == search, Tenant.id.in_(owned))


def _order(view: View) -> tuple[sa.ColumnElement[Any], ...]:
    """The id settles ties, so that no row is on two pages."""
    column = SORTS[view.column]
    return (column.desc(), Tenant.id.desc()) if view.descending else (column.asc(), Tenant.id.asc())


def _first_owner(column: sa.ColumnElement[Any] | InstrumentedAttribute[Any]) -> sa.ScalarSelect[Any]:
    """Of who has been an owner for longest: there may be several."""
    owners = sa.select(column).join(Membership, Membership.user_id == User.id)
    mine = owners.where(Membership.tenant == Tenant.id, Membership.role == Role.OWNER)
    return mine.order_by(Membership.created_at, User.id).limit(1).correlate(Tenant).scalar_subquery()
