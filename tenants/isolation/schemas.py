"""Making and removing a tenant's schema and, where it has one of its own, its role, as the administrator."""

import secrets
from collections.abc import Sequence

import sqlalchemy as sa

from tenants.isolation import modes, traces

# Lower case and digits that PostgreSQL takes unquoted; 80 random bits, since every role can list schema names.
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"

# For what the application runs outside of a bound tenant; they apply at login, so behind a pooler as well.
# One statement has one processor: a tenant's large count or index should not take several from the others.
BOUNDS = {
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
}

_SCHEMA = """
SET LOCAL search_path = "{id}";
GRANT USAGE ON SCHEMA "{id}" TO "{role}";
ALTER DEFAULT PRIVILEGES IN SCHEMA "{id}" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{role}";
{script}
"""
_TABLES = 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "{id}" TO "{role}";'
_BACK = "RESET ROLE; SET LOCAL search_path TO DEFAULT"


def new_id() -> str:
    """A tenant's id, for good: the name of its schema and of its role."""
    return "t_" + "".join(secrets.choice(_ALPHABET) for _ in range(16))


def create(connection: sa.Connection, tenants: Sequence[str], script: str) -> None:
    """Build schemas, roles and tables of some tenants in the caller's transaction: all of it or nothing.

    `script` is the tenant migrations' SQL. One execute, since each round trip and each statement's planning counts
    when tenants are made by the thousand; and one GRANT for all roles, since after each GRANT every connection reads
    its memberships anew (facts).
    """
    mode = modes.current()
    spaces = "".join(f'CREATE SCHEMA "{tenant}" AUTHORIZATION fh_owner;\n' for tenant in tenants)
    tables = "".join(_SCHEMA.format(id=tenant, role=mode.role_of(tenant), script=script) for tenant in tenants)
    connection.exec_driver_sql(f"{mode.make_roles_of(tenants)}{spaces}SET LOCAL ROLE fh_owner;\n{tables}{_BACK}")


def give_role(connection: sa.Connection, tenant: str) -> None:
    """Make the role of a schema that has lost it, as when a database was restored without the cluster's roles."""
    mode = modes.current()
    names = {"id": tenant, "role": mode.role_of(tenant)}
    rights = _SCHEMA.format(**names, script=_TABLES.format(**names))
    connection.exec_driver_sql(f"{mode.make_roles_of([tenant])}SET LOCAL ROLE fh_owner;\n{rights}{_BACK}")


def drop(connection: sa.Connection, tenant: str) -> None:
    """Remove what `create` made, but for a role that another database of the cluster needs, such as a copy of ours.

    One schema a transaction: each of its tables takes locks (facts: 202 for 12).
    """
    role = "" if traces.needed_elsewhere(connection, tenant) else modes.current().drop_role_of(tenant)
    connection.exec_driver_sql(f'DROP SCHEMA IF EXISTS "{tenant}" CASCADE; {role}')


def upgrade(connection: sa.Connection, tenants: list[str], script: str) -> None:
    """Replay one rendered migration for several schemas in the caller's transaction."""
    connection.exec_driver_sql(
        "SET LOCAL ROLE fh_owner; "
        + "".join(f'SET LOCAL search_path = "{tenant}";\n{script}\n' for tenant in tenants)
        + _BACK
    )


def sizes() -> sa.Subquery:
    """The bytes that each tenant's tables take, with their indexes: columns `tenant` and `bytes`."""
    spaces = sa.table("pg_namespace", sa.column("oid"), sa.column("nspname"), schema="pg_catalog")
    tables = sa.table(
        "pg_class", sa.column("oid"), sa.column("relnamespace"), sa.column("relkind"), schema="pg_catalog"
    )
    size = sa.cast(sa.func.sum(sa.func.pg_total_relation_size(tables.c.oid)), sa.BigInteger)
    return (
        sa.select(sa.cast(spaces.c.nspname, sa.String).label("tenant"), size.label("bytes"))
        .join(tables, sa.and_(tables.c.relnamespace == spaces.c.oid, tables.c.relkind == "r"))
        .where(spaces.c.nspname.startswith("t_", autoescape=True))
        .group_by(spaces.c.nspname)
        .subquery("sizes")
    )
