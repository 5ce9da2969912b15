"""What parts the tenants of a database, which `saas migrate` writes down and which stays while there are any."""

import sqlalchemy as sa

from migrations.roles import DatabaseUnfit
from tenants.isolation import modes
from tenants.isolation.modes import Mode
from tenants.models import Tenant


def check(connection: sa.Connection, mode: Mode) -> None:
    """Raises DatabaseUnfit when there are tenants that another mode has made: they have roles, or lack them."""
    there = modes.found(connection)
    if there is None or there == mode:
        return
    if count := connection.scalar(sa.select(sa.func.count()).select_from(Tenant)):
        raise DatabaseUnfit(
            f"TENANT_ISOLATION={mode.name}: this database was set up with TENANT_ISOLATION={there.name} and has"
            f" {count} tenants, spare ones included: set TENANT_ISOLATION={there.name}, or use another database."
        )


def settle(connection: sa.Connection, mode: Mode) -> None:
    """Let the policies of the platform's tables go by what this mode binds."""
    if modes.found(connection) != mode:
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION platform.bound() RETURNS text LANGUAGE sql STABLE AS '{mode.bound}'"
        )
