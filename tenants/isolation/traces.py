"""What the catalogue knows of tenants, whether or not their rows do; for `saas tenants doctor`."""

from collections.abc import Sequence

import sqlalchemy as sa

_TRACES = """
    SELECT coalesce(s.tenant, r.tenant) AS tenant, s.tenant IS NOT NULL AS schema, r.tenant IS NOT NULL AS role,
           coalesce(r.elsewhere, false) AS elsewhere
    FROM (SELECT CAST(nspname AS text) AS tenant FROM pg_namespace WHERE nspname ~ '^t_[a-z2-7]{16}$') s
    FULL JOIN (
        SELECT CAST(rolname AS text) AS tenant, EXISTS (
            SELECT FROM pg_shdepend JOIN pg_database d ON d.oid = dbid
            WHERE refclassid = CAST('pg_authid' AS regclass) AND refobjid = a.oid AND d.datname <> current_database()
        ) AS elsewhere
        FROM pg_roles a WHERE rolname ~ '^t_[a-z2-7]{16}$'
    ) r USING (tenant)
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


def traces() -> sa.Subquery:
    """Columns `tenant`, `schema`, `role`: whether there is one of its name; and `elsewhere`.

    Roles belong to the cluster, and other databases have tenants too. `elsewhere` says that another database has
    something that depends on the role (PostgreSQL manual, 51.48 pg_shdepend, which every role may read).
    """
    yes = sa.Boolean()
    return sa.text(_TRACES).columns(tenant=sa.String(), schema=yes, role=yes, elsewhere=yes).subquery("traces")


def contents(connection: sa.Connection, tenant: str) -> list[str]:
    """What would be lost with a schema: tables that hold a row, and whatever is neither a table nor of one."""
    filled = [row.name for row in _tables(connection, tenant) if _holds_a_row(connection, tenant, row.name)]
    return [*filled, *connection.scalars(sa.text(_OTHERS), {"tenant": tenant})]


def close(connection: sa.Connection, tenant: str) -> None:
    """Let nobody read or write a schema's tables until the end; waits for those that do, whose rows nobody sees yet."""
    if tables := [row.quoted for row in _tables(connection, tenant)]:
        connection.execute(sa.text(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"))


def drop(connection: sa.Connection, tenant: str) -> None:
    """Remove a schema, and its role unless another database needs it. One tenant a transaction, for the locks."""
    found = traces()
    elsewhere = connection.scalar(sa.select(found.c.elsewhere).where(found.c.tenant == tenant))
    connection.exec_driver_sql(f'DROP SCHEMA IF EXISTS "{tenant}" CASCADE')
    if not elsewhere:
        connection.exec_driver_sql(f'DROP ROLE IF EXISTS "{tenant}"')


def _tables(connection: sa.Connection, tenant: str) -> Sequence[sa.Row[tuple[str, str]]]:
    return connection.execute(sa.text(_TABLES), {"tenant": tenant}).all()


def _holds_a_row(connection: sa.Connection, tenant: str, table: str) -> bool:
    row = sa.select(sa.literal(1)).select_from(sa.table(table, schema=tenant)).limit(1)
    return connection.scalar(row) is not None
