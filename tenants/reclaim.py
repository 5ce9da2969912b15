"""Taking back what was opened and never confirmed."""

import math
import time

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from saas.accounts.models import User
from saas.core import audit, jobs
from saas.core.administrator import gave_up, impatient_administrator
from saas.core.database import db, transaction
from saas.core.settings import current_settings
from tenants.isolation import schemas
from tenants.members.models import Membership
from tenants.models import FREE, Standing, State, Tenant, is_business

log = structlog.get_logger()


class ReclaimFailed(Exception):
    """Some tenants stayed; each is in the log with its reason, and the next run tries again."""


def reclaim(seconds: float = math.inf) -> int:
    """Remove each tenant none of whose people has confirmed an email in time; returns how many.

    One that is in use, by a request, a job or a backup, is left for the next run; and so is the rest after so many
    seconds.
    """
    until = time.monotonic() + seconds
    with transaction():
        overdue = list(db.session.scalars(sa.select(Tenant.id).where(*_overdue())))
    removed, failed = 0, []
    for tenant in overdue:
        if time.monotonic() > until:
            break
        try:
            removed += _remove(tenant)
        except SQLAlchemyError as error:  # one that can't be removed must not keep the others
            if gave_up(error):
                log.warning("reclaim.in_use", tenant=tenant)
            else:
                log.exception("reclaim.failed", tenant=tenant)
                failed.append(tenant)
    if failed:
        raise ReclaimFailed(f"{len(failed)} tenants could not be removed, the first is {failed[0]}")
    return removed


def _remove(tenant: str) -> int:
    """Schema, role, rows and open jobs go in one transaction, with people and tenant locked and looked at once more.

    Its people come first, so that a confirmation which is under way at this moment is waited for, and seen. Its jobs
    come before its tables, as where they run. With a request that counts a record it may deadlock all the same, and
    gives way, or is waited for by it.
    """
    with impatient_administrator() as connection:
        members = sa.select(User.id).join(Membership, Membership.user_id == User.id).where(Membership.tenant == tenant)
        people = connection.scalars(members.order_by(User.id).with_for_update(of=User)).all()
        locked = sa.select(Tenant.id, Tenant.address).where(Tenant.id == tenant, *_overdue()).with_for_update()
        if (row := connection.execute(locked).one_or_none()) is None:
            return 0
        connection.execute(sa.delete(Tenant).where(Tenant.id == tenant))
        elsewhere = sa.exists().where(Membership.user_id == User.id)
        connection.execute(sa.delete(User).where(User.id.in_(people), User.confirmed_at.is_(None), ~elsewhere))
        connection.execute(
            sa.insert(audit.AuditEntry).values(
                action="tenant.reclaimed", actor="system", tenant=tenant, detail={"address": row.address}
            )
        )
        jobs.forget(connection, tenant)
        schemas.drop(connection, tenant)
        return 1


def _overdue() -> tuple[sa.ColumnElement[bool], ...]:
    settings = current_settings()
    age = sa.func.make_interval(0, 0, 0, 0, settings.unconfirmed_hours)
    confirmed = (
        sa.exists()
        .where(Membership.tenant == Tenant.id)
        .where(User.id == Membership.user_id)
        .where(User.confirmed_at.is_not(None))
    )
    return (
        Tenant.state.in_([State.ACTIVE, State.PREPARING]),
        Tenant.opened_at < sa.func.now() - age,
        Tenant.plan == FREE,  # who pays stays, or would pay for nothing
        Tenant.standing == Standing.GOOD,
        is_business(),
        ~confirmed,
    )
