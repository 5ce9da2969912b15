"""Mends what can be mended without losing anything: each in a transaction of its own, after a second look."""

from collections.abc import Callable

import sqlalchemy as sa

from saas.core import audit, jobs
from saas.core.administrator import impatient_administrator
from tenants import provisioning
from tenants.doctor.faults import Fault, Finding
from tenants.isolation import schemas, traces
from tenants.models import State, Tenant

Mend = Callable[[sa.Connection, str], bool]


def mendable(finding: Finding, *, drop_data: bool = False) -> bool:
    return finding.fault == Fault.FORGOTTEN or finding.fault in _mends(drop_data)


def mend(finding: Finding, *, drop_data: bool = False) -> bool:
    """Returns False when there was nothing to mend any more. Raises what the database says.

    Killed at any moment it leaves the finding as it was or mended.
    """
    if finding.fault == Fault.FORGOTTEN:
        return provisioning.provision(finding.tenant) > 0
    with impatient_administrator() as connection:
        mended = _mends(drop_data)[finding.fault](connection, finding.tenant)
        if mended:
            what = {"fault": finding.fault.value}
            entry = sa.insert(audit.AuditEntry)
            connection.execute(entry.values(action="tenant.mended", actor="system", tenant=finding.tenant, detail=what))
        return mended


def _mends(drop_data: bool) -> dict[Fault, Mend]:
    return {
        Fault.SCHEMA: _drop_what_is_empty,
        **({Fault.DATA: _drop} if drop_data else {}),
        Fault.ROLE: _drop_what_is_empty,
        Fault.SPARE: _drop_what_is_empty,
        Fault.UNGRANTED: _give_role,
        Fault.STRAY: _forget_jobs,
    }


def _drop_what_is_empty(connection: sa.Connection, tenant: str) -> bool:
    """The tables are locked before they are looked into: a restore that is under way may have rows in them.

    They come after the tenant's row, as when the fleet migrates, so that the two never deadlock.
    """
    _state(connection, tenant)
    traces.close(connection, tenant)
    return not traces.contents(connection, tenant) and _drop(connection, tenant)


def _drop(connection: sa.Connection, tenant: str) -> bool:
    """Unless it is somebody's by now. A spare goes with its row; one that waits keeps its own, and is built anew."""
    if _state(connection, tenant) == State.ACTIVE:
        return False
    connection.execute(sa.delete(Tenant).where(Tenant.id == tenant, Tenant.state == State.SPARE))
    schemas.drop(connection, tenant)
    return True


def _give_role(connection: sa.Connection, tenant: str) -> bool:
    if _state(connection, tenant) != State.ACTIVE:
        return False
    schemas.give_role(connection, tenant)
    return True


def _forget_jobs(connection: sa.Connection, tenant: str) -> bool:
    return _state(connection, tenant) is None and jobs.forget(connection, tenant) > 0


def _state(connection: sa.Connection, tenant: str) -> State | None:
    """Of its row, which is locked until the end."""
    return connection.scalar(sa.select(Tenant.state).where(Tenant.id == tenant).with_for_update())
