"""The platform's own tables: owner, grants, row security and policies, against what the migrations make."""

# ruff: noqa: S608  what is put into these queries is constants of this package

from collections.abc import Iterator

from tenants.isolation.proof.catalogue import Catalogue, Finding, grants
from tenants.isolation.proof.expected import APP, FUNCTIONS, POLICIES, TENANT, TENANT_COLUMNS, Policy
from tenants.isolation.proof.grants import SCHEMA, TABLE, Target, compare

# The schema's owner owns it all: who migrates, be it who looks, the database's owner or a superuser.
_OWNERS = """
, keeper AS (
    SELECT CASE WHEN o.rolname = current_user OR o.rolsuper OR o.oid = datdba
        THEN o.rolname ELSE current_user END AS name
    FROM pg_namespace JOIN pg_roles o ON o.oid = nspowner JOIN pg_database ON datname = current_database()
    WHERE nspname = 'platform'
)
SELECT object.type, object.identity, quote_ident(o.rolname) AS owner, quote_ident(keeper.name) AS wanted
FROM keeper CROSS JOIN (
    SELECT 'pg_namespace'::regclass AS class, oid, nspowner AS owner FROM pg_namespace WHERE nspname = 'platform'
    UNION ALL SELECT 'pg_class'::regclass, oid, relowner FROM pg_class
    WHERE relnamespace = 'platform'::regnamespace AND relkind = 'r'
    UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc WHERE pronamespace = 'platform'::regnamespace
) mine CROSS JOIN pg_identify_object(class, mine.oid, 0) object JOIN pg_roles o ON o.oid = mine.owner
WHERE o.rolname <> keeper.name
ORDER BY 2
"""
_ENTRY = f"""
SELECT quote_ident(rolname) AS owner, {grants("coalesce(nspacl, acldefault('n', nspowner))")} AS grants
FROM pg_namespace JOIN pg_roles o ON o.oid = nspowner WHERE nspname = 'platform'
"""
_TABLES = f"""
SELECT relname AS name, quote_ident(rolname) AS owner, relrowsecurity AS secured, relforcerowsecurity AS forced,
    {grants("coalesce(relacl, acldefault('r', relowner))")} AS grants
FROM pg_class JOIN pg_roles o ON o.oid = relowner
WHERE relnamespace = 'platform'::regnamespace AND relkind = 'r' ORDER BY 1
"""
_COLUMNS = f"""
SELECT relname AS name, quote_ident(attname) AS column, {grants("attacl")} AS grants
FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
WHERE attacl IS NOT NULL AND relnamespace = 'platform'::regnamespace AND relkind = 'r'
"""
_POLICIES = """
SELECT quote_ident(tablename) AS table, quote_ident(policyname) AS name,
    (SELECT string_agg(CASE role WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(role) END, ', ' ORDER BY role)
        FROM unnest(roles) role) AS to,
    cmd AS command, permissive AS kind,
    regexp_replace(qual, '\\s+', ' ', 'g') AS using, regexp_replace(with_check, '\\s+', ' ', 'g') AS check
FROM pg_policies WHERE schemaname = 'platform'
"""
_STRAYS = """
SELECT object.type, object.identity, object.name
FROM pg_depend d CROSS JOIN pg_identify_object(classid, objid, 0) object
WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = 'platform'::regnamespace
    AND d.classid <> 'pg_default_acl'::regclass
    -- An identity column's sequence comes and goes with its table.
    AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i')
UNION ALL
SELECT object.type, object.identity, NULL FROM (
    SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM pg_class
        WHERE relnamespace = 'platform'::regnamespace) AND NOT tgisinternal
    UNION ALL SELECT 'pg_rewrite'::regclass, oid FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM pg_class
        WHERE relnamespace = 'platform'::regnamespace AND relkind = 'r')
) hanging (class, id) CROSS JOIN pg_identify_object(class, id, 0) object
ORDER BY 2
"""


def owners(catalogue: Catalogue) -> Iterator[Finding]:
    for row in catalogue.rows(_OWNERS):
        mend = f"ALTER {row.type.upper()} {row.identity} OWNER TO {row.wanted};"
        yield Finding("platform owner", row.identity, f"is owned by {row.owner}", mend)


def rights(catalogue: Catalogue) -> Iterator[Finding]:
    for row in catalogue.rows(_ENTRY):
        wanted = {row.owner: SCHEMA, "fh_app": ("USAGE",), "fh_tenant": ("USAGE",)}
        yield from compare("platform grants", Target("platform", "SCHEMA platform"), wanted, map(tuple, row.grants))
    columns: dict[str, list[tuple[str, str, bool]]] = {}
    for row in catalogue.rows(_COLUMNS):
        of_table = columns.setdefault(row.name, [])
        of_table += ((grantee, f"{privilege} ({row.column})", may) for grantee, privilege, may in row.grants)
    for row in catalogue.rows(_TABLES):
        if row.name in APP:
            target = Target(f"platform.{row.name}", f"TABLE platform.{row.name}")
            found = [*map(tuple, row.grants), *columns.get(row.name, [])]
            yield from compare("platform grants", target, _wanted(row.name, row.owner), found)


def row_security(catalogue: Catalogue) -> Iterator[Finding]:
    """Tables that are keyed by tenant show a bound tenant its own rows."""
    keyed = {policy.table for policy in POLICIES}
    for row in catalogue.rows(_TABLES):
        name = f"platform.{row.name}"
        if row.name in keyed and not row.secured:
            mend = f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;"
            yield Finding("row security", name, "has no row security, and shows a tenant everybody's rows", mend)
        if row.name in APP and row.name not in keyed and row.secured:
            mend = f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY;"
            yield Finding("row security", name, "has row security, which hides rows from the application", mend)
        if row.name in APP and row.forced:
            mend = f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY;"
            yield Finding("row security", name, "hides rows from its owner", mend)


def policies(catalogue: Catalogue) -> Iterator[Finding]:
    wanted = {(policy.table, policy.name): policy for policy in POLICIES}
    found = {(row.table, row.name): Policy(*row) for row in catalogue.rows(_POLICIES)}
    for key in sorted(wanted.keys() | found.keys()):
        should, does = wanted.get(key), found.get(key)
        if should == does:
            continue
        table, name = key
        drop = [f"DROP POLICY {name} ON platform.{table};"] if does else []
        mend = " ".join([*drop, *([should.sql] if should else [])])
        yield Finding("policy", f"platform.{table}", _said(name, should, does), mend)


def _said(name: str, should: Policy | None, does: Policy | None) -> str:
    if does is None:
        return f"lacks the policy {name}"
    how = "altered" if should else "that no migration makes"
    return f"has a policy {name} {how}: {does.sql}"


def strays(catalogue: Catalogue) -> Iterator[Finding]:
    """What lies among the platform's tables and is none of them, and tables that are gone."""
    found = catalogue.rows(_STRAYS)
    for row in found:
        is_table = row.type == "table" and row.name in APP
        is_function = row.type == "function" and row.identity in FUNCTIONS
        if not is_table and not is_function:
            mend = f"DROP {row.type.upper()} {row.identity};"
            yield Finding("stray object", row.identity, f"is a {row.type} that no migration makes", mend)
    for table in sorted(APP.keys() - {row.name for row in found}):
        mend = f'pg_restore --dbname "$DATABASE_ADMIN_URL" --schema platform --table {table} BACKUP'
        yield Finding("table", f"platform.{table}", "does not exist", mend)


def _wanted(table: str, owner: str) -> dict[str, list[str]]:
    privilege, columns = TENANT_COLUMNS.get(table, ("", ""))
    tenant = [*TENANT.get(table, ()), *(f"{privilege} ({column})" for column in columns.split())]
    return {owner: list(TABLE), "fh_app": list(APP[table]), "fh_tenant": tenant}
