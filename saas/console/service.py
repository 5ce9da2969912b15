"""What the back office looks at, across all tenants."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from saas.accounts.models import User
from saas.core.database import db
from saas.core.jobs import Job, JobState
from tenants.members.models import Membership, Role
from tenants.models import State, Tenant

MOST_ROWS = 200


def tenants(search: str, state: str) -> Sequence[Any]:
    """The newest tenants whose name, address or owner's email contains `search`: rows as the page shows them."""
    query = (
        sa.select(
            Tenant.id,
            Tenant.name,
            Tenant.address,
            Tenant.state,
            Tenant.opened_at.label("created_at"),
            User.email.label("owner"),
            User.confirmed_at.is_not(None).label("confirmed"),
        )
        .outerjoin(Membership, sa.and_(Membership.tenant == Tenant.id, Membership.role == Role.OWNER))
        .outerjoin(User, User.id == Membership.user_id)
        .where(Tenant.state != State.SPARE)
        .order_by(Tenant.opened_at.desc())
        .limit(MOST_ROWS)
    )
    if state:
        query = query.where(sa.cast(Tenant.state, sa.String) == state)
    if search:
        columns = (Tenant.name, Tenant.address, User.email)
        query = query.where(sa.or_(*(column.icontains(search, autoescape=True) for column in columns)))
    return db.session.execute(query).all()


def tenant_counts() -> dict[str, int]:
    rows = db.session.execute(sa.select(Tenant.state, sa.func.count()).group_by(Tenant.state))
    return {state.value: count for state, count in rows}


def job_counts() -> dict[str, int]:
    """The jobs that are not done, by state; for those a partial index is kept."""
    open_jobs = sa.select(Job.state, sa.func.count()).where(Job.state != JobState.DONE)
    rows = db.session.execute(open_jobs.group_by(Job.state))
    return {state.value: count for state, count in rows}
