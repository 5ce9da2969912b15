"""A tenant's schema as the catalogue has it: whatever can differ between two ways of building it."""

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from migrations import branches, fleet
from saas.core.administrator import administrator
from tenants.isolation import schemas

# Each part is rows of text. Numbers of objects are left out, and the schema's name is written as SCHEMA.
_PARTS = {
    "schema": """
        SELECT pg_get_userbyid(nspowner), nspacl::text, obj_description(oid, 'pg_namespace')
        FROM pg_namespace WHERE nspname = :schema""",
    "default privileges": """
        SELECT pg_get_userbyid(defaclrole), defaclobjtype::text, defaclacl::text FROM pg_default_acl
        WHERE defaclnamespace = to_regnamespace(:schema)""",
    "relations": """
        SELECT relname, relkind::text, relpersistence::text, pg_get_userbyid(relowner), relacl::text,
               reloptions::text, relrowsecurity::text, relforcerowsecurity::text, relreplident::text,
               relispartition::text, obj_description(oid, 'pg_class')
        FROM pg_class WHERE relnamespace = to_regnamespace(:schema)""",
    "columns": """
        SELECT relname, attnum::text, attname, format_type(atttypid, atttypmod), attnotnull::text, attidentity::text,
               attgenerated::text, attcollation::regcollation::text, attstorage::text, attacl::text,
               pg_get_expr(adbin, adrelid), col_description(c.oid, attnum)
        FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
        LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum
        WHERE relnamespace = to_regnamespace(:schema)""",
    "indexes": """
        SELECT pg_get_indexdef(indexrelid), indisvalid::text, indisprimary::text, indisunique::text
        FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace = to_regnamespace(:schema)""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid), convalidated::text,
               condeferrable::text, obj_description(oid, 'pg_constraint')
        FROM pg_constraint WHERE connamespace = to_regnamespace(:schema)""",
    "policies": """
        SELECT polrelid::regclass::text, polname, polcmd::text, pg_get_expr(polqual, polrelid)
        FROM pg_policy JOIN pg_class c ON c.oid = polrelid WHERE relnamespace = to_regnamespace(:schema)""",
    "triggers": """
        SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
        WHERE relnamespace = to_regnamespace(:schema) AND NOT tgisinternal""",
    "functions": "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = to_regnamespace(:schema)",
    "types": """
        SELECT typname, typtype::text, pg_get_userbyid(typowner), typacl::text FROM pg_type
        WHERE typnamespace = to_regnamespace(:schema)""",
    "role": """
        SELECT rolcanlogin::text, rolinherit::text, rolsuper::text, rolcreaterole::text, rolconfig::text
        FROM pg_roles WHERE rolname = :schema""",
    "memberships": """
        SELECT r.rolname, m.rolname, admin_option::text, inherit_option::text, set_option::text
        FROM pg_auth_members JOIN pg_roles r ON r.oid = roleid JOIN pg_roles m ON m.oid = member
        WHERE :schema IN (r.rolname, m.rolname)""",
}

Catalogue = dict[str, list[tuple[str | None, ...]]]


def catalogue(connection: sa.Connection, schema: str) -> Catalogue:
    return {part: _rows(connection, query, schema) for part, query in _PARTS.items()}


def differences(one: Catalogue, other: Catalogue) -> dict[str, list[tuple[str | None, ...]]]:
    """By part, the rows that only one of both has."""
    found = {part: sorted(set(one[part]) ^ set(other[part]), key=str) for part in one}
    return {part: rows for part, rows in found.items() if rows}


def _rows(connection: sa.Connection, query: str, schema: str) -> list[tuple[str | None, ...]]:
    rows = connection.execute(sa.text(query), {"schema": schema})
    return sorted((tuple(v and str(v).replace(schema, "SCHEMA") for v in row) for row in rows), key=str)


@contextlib.contextmanager
def built_both_ways() -> Iterator[tuple[sa.Connection, str, str]]:
    """Two schemas, one by the revisions of all branches and one by the script; both are undone at the end."""
    stepwise, replayed = schemas.new_id(), schemas.new_id()
    with contextlib.suppress(Undone), administrator() as connection:
        schemas.create(connection, [stepwise], "")
        connection.exec_driver_sql(f'SET LOCAL ROLE fh_owner; SET LOCAL search_path = "{stepwise}"')
        with Operations.context(MigrationContext.configure(connection)):
            for branch in branches.every():
                for step in branches.steps(branch.folder, None):
                    step.module.upgrade()
        connection.exec_driver_sql("RESET ROLE; SET LOCAL search_path TO DEFAULT")
        schemas.create(connection, [replayed], fleet.blueprint().script)
        yield connection, stepwise, replayed
        raise Undone


class Undone(Exception):
    """Ends a transaction of which nothing is to stay."""
