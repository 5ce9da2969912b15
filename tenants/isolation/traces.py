"""What the catalogue knows of tenants, whether or not their rows do; for `saas tenants doctor`."""

import sqlalchemy as sa

_ROWS, _OTHERS = ("r", "p"), ("v", "m", "f")  # kinds of pg_class: what can be looked into, and what nobody of us makes
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


def traces() -> sa.Subquery:
    """Columns `tenant`, `schema`, `role`: whether there is one of its name; and `elsewhere`.

    Roles belong to the cluster, and other databases have tenants too. `elsewhere` says that another database has
    something that depends on the role (PostgreSQL manual, 51.48 pg_shdepend, which every role may read).
    """
    yes = sa.Boolean()
    return sa.text(_TRACES).columns(tenant=sa.String(), schema=yes, role=yes, elsewhere=yes).subquery("traces")


def contents(connection: sa.Connection, tenant: str) -> list[str]:
    """What would be lost with a schema: tables that hold a row, and whatever is neither a table nor of one."""
    kinds = "SELECT relname, relkind FROM pg_class WHERE relnamespace = to_regnamespace(:tenant)"
    functions = "SELECT proname FROM pg_proc WHERE pronamespace = to_regnamespace(:tenant) ORDER BY proname"
    found = connection.execute(sa.text(f"{kinds} ORDER BY relname"), {"tenant": tenant}).all()
    filled = [name for name, kind in found if kind in _ROWS and _holds_a_row(connection, tenant, name)]
    others = [name for name, kind in found if kind in _OTHERS]
    return [*filled, *others, *connection.scalars(sa.text(functions), {"tenant": tenant})]


def drop(connection: sa.Connection, tenant: str) -> None:
    """Remove a schema, and its role unless another database needs it. One tenant a transaction, for the locks."""
    found = traces()
    elsewhere = connection.scalar(sa.select(found.c.elsewhere).where(found.c.tenant == tenant))
    connection.exec_driver_sql(f'DROP SCHEMA IF EXISTS "{tenant}" CASCADE')
    if not elsewhere:
        connection.exec_driver_sql(f'DROP ROLE IF EXISTS "{tenant}"')


def _holds_a_row(connection: sa.Connection, tenant: str, table: str) -> bool:
    row = sa.select(sa.literal(1)).select_from(sa.table(table, schema=tenant)).limit(1)
    return connection.scalar(row) is not None
