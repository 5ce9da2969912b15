"""Making and removing a tenant's schema and role, as the administrator."""

import secrets
from collections.abc import Sequence

import sqlalchemy as sa

# Lower case and digits that PostgreSQL takes unquoted; 80 random bits, since every role can list schema names.
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"

_ROLES = """
{create_roles}
GRANT fh_tenant TO {roles};
GRANT {roles} TO fh_app WITH INHERIT FALSE, SET TRUE;
"""
_SCHEMA = """
SET LOCAL search_path = "{id}";
GRANT USAGE ON SCHEMA "{id}" TO "{id}";
ALTER DEFAULT PRIVILEGES IN SCHEMA "{id}" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{id}";
{script}
"""
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
    roles = _ROLES.format(
        create_roles="\n".join(f'CREATE ROLE "{tenant}" NOLOGIN;' for tenant in tenants),
        roles=", ".join(f'"{tenant}"' for tenant in tenants),
    )
    spaces = "".join(f'CREATE SCHEMA "{tenant}" AUTHORIZATION fh_owner;\n' for tenant in tenants)
    tables = "".join(_SCHEMA.format(id=tenant, script=script) for tenant in tenants)
    connection.exec_driver_sql(f"{roles}{spaces}SET LOCAL ROLE fh_owner;\n{tables}{_BACK}")


def drop(connection: sa.Connection, tenant: str) -> None:
    """Remove what `create` made. One schema a transaction: each of its tables takes locks (facts: 202 for 12)."""
    connection.exec_driver_sql(f'DROP SCHEMA IF EXISTS "{tenant}" CASCADE; DROP ROLE IF EXISTS "{tenant}"')


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
