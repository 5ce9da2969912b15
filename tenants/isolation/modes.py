"""What parts one tenant from another in the database (`TENANT_ISOLATION`): a role for each, or one role for all.

With a role each, PostgreSQL itself refuses a tenant what is another's. With one, as it has to be where roles can't be
had by the thousand (Citus, docs/postgres.md), it sees no difference between tenants: only the search path tells them
apart, and the guard keeps a statement from naming another schema. All that differs between the two is written here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from saas.core.settings import Isolation, current_settings


@dataclass(frozen=True, slots=True)
class Mode:
    """`{tenant}` stands for a tenant's id; `{tenants}` for several, quoted and with commas between them."""

    name: Isolation
    role: str  # whom a tenant's transactions act as
    make_role: str  # SQL, for each new tenant
    make_roles: str  # SQL, once for all that are made together
    drop_role: str  # SQL
    shared: bool  # is the role one for all, so that the guard has to look at the names of schemas as well?
    login: str  # SQL, for the application's login `{}`: whether it may act as `fh_tenant` itself
    bound: str  # the body of platform.bound(), which says whose rows of the platform's tables are shown

    def role_of(self, tenant: str) -> str:
        return self.role.format(tenant=tenant)

    def make_roles_of(self, tenants: Sequence[str]) -> str:
        """SQL; empty where they need none."""
        each = "\n".join(self.make_role.format(tenant=tenant) for tenant in tenants)
        return each + self.make_roles.format(tenants=", ".join(f'"{tenant}"' for tenant in tenants))

    def drop_role_of(self, tenant: str) -> str:
        return self.drop_role.format(tenant=tenant)


ROLES = Mode(
    name="roles",
    role="{tenant}",
    make_role='CREATE ROLE "{tenant}" NOLOGIN;',
    make_roles="GRANT fh_tenant TO {tenants}; GRANT {tenants} TO fh_app WITH INHERIT FALSE, SET TRUE;",
    drop_role='DROP ROLE IF EXISTS "{tenant}"',
    shared=False,
    login="REVOKE fh_tenant FROM {}",
    bound="SELECT current_user::text",
)
SCHEMA = Mode(
    name="schema",
    role="fh_tenant",
    make_role="",
    make_roles="",
    drop_role="",
    shared=True,
    login="GRANT fh_tenant TO {} WITH INHERIT FALSE, SET TRUE",
    bound="SELECT current_schema()::text",
)
MODES = {mode.name: mode for mode in (ROLES, SCHEMA)}


def current() -> Mode:
    """The one that this process is set to."""
    return MODES[current_settings().tenant_isolation]


def found(connection: sa.Connection) -> Mode | None:
    """The one that a database was set up in; None before its first migration, or when somebody altered it."""
    body = connection.scalar(
        sa.text("SELECT prosrc FROM pg_proc WHERE proname = 'bound' AND pronamespace = to_regnamespace('platform')")
    )
    return next((mode for mode in MODES.values() if mode.bound == body), None)
