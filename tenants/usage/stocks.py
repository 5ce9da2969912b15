"""Counting what there is, in the transaction that changes it: two at once can't both take the last one."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from saas.core.database import db
from tenants import isolation
from tenants.errors import LimitReached
from tenants.models import Tenant
from tenants.usage.limits import Limit
from tenants.usage.models import Usage

_UNLIMITED = 2**63 - 1


def add(limit: Limit, n: int = 1, *, tenant: str | None = None, room: Limit | None = None) -> None:
    """Count `n` more of a tenant's (the bound one's, unless it is named). Raises LimitReached, and counts nothing then.

    `room` is another stock, measured from time to time, whose limit must not be reached either. The row stays locked
    until the transaction ends, so that what is counted and what is stored agree.
    """
    owner = tenant or isolation.bound()
    plan = sa.select(Tenant.id, most(limit).label("most")).where(Tenant.id == owner)
    if room:
        plan = plan.where(~_full(room, owner))
    known = plan.cte("plan")
    first = sa.select(known.c.id, sa.literal(limit.name), sa.literal(""), sa.literal(n, sa.BigInteger))
    counted = (
        insert(Usage)
        .from_select(["tenant", "resource", "period", "used"], first.where(n <= known.c.most))
        .on_conflict_do_update(
            index_elements=["tenant", "resource", "period"],
            set_={"used": Usage.used + n},
            where=Usage.used + n <= sa.select(known.c.most).scalar_subquery(),
        )
        .returning(Usage.used)
        .add_cte(known)
    )
    if db.session.scalar(counted) is None:
        full = room if room and db.session.scalar(sa.select(_full(room, owner))) else limit
        raise LimitReached(full.label)


def take(limit: Limit, n: int = 1, *, tenant: str | None = None) -> None:
    """Count `n` fewer."""
    owner = tenant or isolation.bound()
    mine = sa.update(Usage).where(Usage.tenant == owner, Usage.resource == limit.name, Usage.period == "")
    db.session.execute(mine.values(used=sa.func.greatest(Usage.used - n, 0)))


def hold(limit: Limit) -> None:
    """Let nobody else count the bound tenant's until the transaction ends; waits for whoever is doing it."""
    row = insert(Usage).values(tenant=isolation.bound(), resource=limit.name, period="", used=0)
    keys = ["tenant", "resource", "period"]
    db.session.execute(row.on_conflict_do_update(index_elements=keys, set_={"used": Usage.used}))


def used(limit: Limit, tenant: str) -> int:
    """As it is counted now."""
    mine = (Usage.tenant == tenant, Usage.resource == limit.name, Usage.period == "")
    return db.session.scalar(sa.select(Usage.used).where(*mine)) or 0


def used_by(limit: Limit, tenants: Collection[str]) -> dict[str, int]:
    """The same of several, without those of whom nothing was ever counted."""
    theirs = (Usage.tenant.in_(tenants), Usage.resource == limit.name, Usage.period == "")
    return dict(db.session.execute(sa.select(Usage.tenant, Usage.used).where(*theirs)).all())


def most(limit: Limit) -> sa.ColumnElement[int]:
    """How much a tenant's row allows. A JSON null is no limit; a limit that the plan does not name has its default."""
    given = sa.cast(Tenant.limits[limit.name].astext, sa.BigInteger)
    allowed = sa.case((Tenant.limits.has_key(limit.name), given), else_=limit.default)
    return sa.func.coalesce(allowed, _UNLIMITED)


def _full(limit: Limit, owner: str | None) -> sa.ColumnElement[bool]:
    measured = (Usage.tenant == owner, Usage.resource == limit.name, Usage.period == "")
    allowed = sa.select(most(limit)).where(Tenant.id == owner).scalar_subquery()
    return sa.exists().where(*measured, Usage.used >= allowed)
