"""What the catalogue knows of tenants, whether or not their rows do; for `saas tenants doctor`."""

# ruff: noqa: S608  what is put into these queries is constants of this module

from collections.abc import Sequence

import sqlalchemy as sa

from tenants.isolation.modes import Mode

# Roles belong to the cluster, and other databases have tenants too (PostgreSQL manual, 51.48 pg_shdepend, which every
# role may read).
_ELSEWHERE = """
    SELECT FROM pg_shdepend JOIN pg_database d ON d.oid = dbid
    WHERE refclassid = CAST('pg_authid' AS regclass) AND refobjid = {role} AND d.datname <> current_database()
"""
_SCHEMAS = "SELECT CAST(nspname AS text) AS tenant FROM pg_namespace WHERE nspname ~ '^t_[a-z2-7]{16}$'"
_ROLES = f"""
    SELECT CAST(rolname AS text) AS tenant, EXISTS ({_ELSEWHERE.format(role="a.oid")}) AS elsewhere
    FROM pg_roles a WHERE rolname ~ '^t_[a-z2-7]{{16}}$'
"""
_RIGHTS = f"""
    SELECT tenant, false AS elsewhere FROM ({_SCHEMAS}) s
    WHERE has_schema_privilege(to_regrole('fh_tenant'), to_regnamespace(tenant), 'USAGE')
"""
_TABLES = """
    SELECT relname AS name, format('%I.%I', nspname, relname) AS quoted
    FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = :tenant AND relkind IN ('r', 'p') ORDER BY 1
"""
# All that lies in a schema depends on it; a table's sequences and types depend on the table as well.
_OTHERS = """
    SELECT object.identity FROM pg_depend d CROSS JOIN LATERAL pg_identify_object(classid, objid, 0) object
    WHERE refclassid = CAST('pg_namespace' AS regclass) AND refobjid = to_regnamespace(:tenant)
        AND classid <> CAST('pg_default_acl' AS regclass) AND object.type <> 'table'
        AND NOT EXISTS (
            SELECT FROM pg_depend p WHERE p.classid = d.classid AND p.objid = d.objid AND p.deptype IN ('a', 'i'))
    ORDER BY 1
"""


def traces(mode: Mode) -> sa.Subquery:
    """Columns `tenant`, `schema`, `role`: whether there is one of its name; and `elsewhere`.

    `elsewhere` says that another database has something that depends on the role. Where one role is all tenants',
    `role` says that it may use the schema, and roles with the name of a tenant are other databases' and not looked at.
    """
    found = sa.text(
        f"""
        SELECT coalesce(s.tenant, r.tenant) AS tenant, s.tenant IS NOT NULL AS schema, r.tenant IS NOT NULL AS role,
               coalesce(r.elsewhere, false) AS elsewhere
        FROM ({_SCHEMAS}) s FULL JOIN ({_RIGHTS if mode.shared else _ROLES}) r USING (tenant)
        """
    )
    yes = sa.Boolean()
    return found.columns(tenant=sa.String(), schema=yes, role=yes, elsewhere=yes).subquery("traces")


def needed_elsewhere(connection: sa.Connection, tenant: str) -> bool:
    """Whether another database of the cluster has something that depends on the role of this name."""
    found = sa.text(f"SELECT EXISTS ({_ELSEWHERE.format(role='to_regrole(:tenant)')})")
    return bool(connection.scalar(found, {"tenant": tenant}))


def contents(connection: sa.Connection, tenant: str) -> list[str]:
    """What would be lost with a schema: tables that hold a row, and whatever is neither a table nor of one."""
    filled = [row.name for row in _tables(connection, tenant) if _holds_a_row(connection, tenant, row.name)]
    return [*filled, *connection.scalars(sa.text(_OTHERS), {"tenant": tenant})]


def close(connection: sa.Connection, tenant: str) -> None:
    """Let nobody read or write a schema's tables until the end; waits for those that do, whose rows nobody sees yet."""
    if tables := [row.quoted for row in _tables(connection, tenant)]:
        connection.execute(sa.text(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"))


def _tables(connection: sa.Connection, tenant: str) -> Sequence[sa.Row[tuple[str, str]]]:
    return connection.execute(sa.text(_TABLES), {"tenant": tenant}).all()


def _holds_a_row(connection: sa.Connection, tenant: str, table: str) -> bool:
    row = sa.select(sa.literal(1)).select_from(sa.table(table, schema=tenant)).limit(1)
    return connection.scalar(row) is not None
