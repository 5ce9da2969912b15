"""Compares the tenants' rows with the schemas and roles that are there, as of one moment."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from saas.core.administrator import administrator
from saas.core.jobs import Job, JobState
from saas.core.jobs.models import OPEN
from tenants import building
from tenants.doctor.faults import Fault, Finding
from tenants.isolation import modes, traces
from tenants.members.models import Membership, Role
from tenants.models import State, Tenant


def find() -> list[Finding]:
    """All that is wrong, in the order of `Fault`. Changes nothing."""
    with administrator() as connection:
        rows = connection.execute(_rows()).all()
        gone = connection.scalars(_gone()).all()
    found = [Finding(row.tenant, fault) for row in rows for fault in _faults(row)]
    found += [Finding(str(tenant), Fault.STRAY) for tenant in gone]
    order = list(Fault)
    return sorted(found, key=lambda finding: (order.index(finding.fault), finding.tenant))


def _faults(row: Any) -> Iterator[Fault]:
    if row.state in {None, State.PREPARING}:
        yield from _without_a_schema(row)
    elif row.state == State.SPARE:
        if row.behind or not (row.schema and row.role):
            yield Fault.DATA if row.schema and _holds_data(row.tenant) else Fault.SPARE
    else:
        if not row.schema:
            yield Fault.LOST
        elif not row.role:
            yield Fault.UNGRANTED
        if row.schema and row.behind:
            yield Fault.BEHIND
        if not row.owned:
            yield Fault.UNOWNED


def _without_a_schema(row: Any) -> Iterator[Fault]:
    """Of what has no row, or one that waits for its schema to be built."""
    if row.schema:
        yield Fault.DATA if _holds_data(row.tenant) else Fault.SCHEMA
    elif row.role and not row.elsewhere:
        yield Fault.ROLE
    elif row.state and not row.job:
        yield Fault.FORGOTTEN


def _holds_data(tenant: str) -> bool:
    try:
        with administrator() as connection:
            return bool(traces.contents(connection, tenant))
    except SQLAlchemyError:  # what can't be looked into may hold anything
        return True


def _rows() -> sa.Select[*tuple[Any, ...]]:
    """One row for each name that a row, a schema or a role has. One statement, so nothing is built in between."""
    plan, there = building.blueprint(), traces.traces(modes.current())
    behind = sa.or_(Tenant.revision.is_distinct_from(plan.revision), ~Tenant.module_revisions.contains(plan.modules))
    owned = sa.exists().where(Membership.tenant == Tenant.id, Membership.role == Role.OWNER)
    asked = sa.exists().where(
        Job.name == "tenants.provision", Job.args[0].astext == Tenant.id, Job.state.in_(OPEN)
    )  # fmt: skip
    return sa.select(
        sa.func.coalesce(Tenant.id, there.c.tenant).label("tenant"),
        Tenant.state,
        *(sa.func.coalesce(there.c[name], sa.false()).label(name) for name in ("schema", "role", "elsewhere")),
        behind.label("behind"),
        owned.label("owned"),
        sa.case((Tenant.state == State.PREPARING, asked)).label("job"),
    ).select_from(sa.outerjoin(Tenant, there, Tenant.id == there.c.tenant, full=True))


def _gone() -> sa.Select[str | None]:
    known = sa.exists().where(Tenant.id == Job.tenant)
    left = Job.state.in_([*OPEN, JobState.DEAD])
    return sa.select(Job.tenant).where(left, Job.tenant.is_not(None), ~known).distinct()
