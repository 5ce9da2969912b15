"""Tenants' tables: whose they are and who may what; and what has no business in a tenant's schema."""

# ruff: noqa: S608  what is put into these queries is constants of this package

from collections.abc import Iterator

from tenants.isolation.proof.catalogue import Catalogue, Finding, grants
from tenants.isolation.proof.grants import ROWS, SEQUENCE, TABLE, Target, both, compare

_COUNT = """
SELECT (SELECT count(*) FROM tenants) AS tenants,
    (SELECT count(*) FROM pg_class JOIN homes ON homes.oid = relnamespace WHERE relkind = 'r') AS tables
"""

_OWNERS = """
SELECT format('%I.%I', tenant, relname) AS name, quote_ident(o.rolname) AS owner, quote_ident(r.rolname) AS reader
FROM homes JOIN pg_class c ON relnamespace = homes.oid
JOIN pg_roles o ON o.oid = relowner JOIN pg_roles r ON r.oid = reader
WHERE relkind = 'r' AND o.rolname <> 'fh_owner'  -- whose indexes and sequences follow it
ORDER BY 1
"""
_USUAL = "acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", relowner)"
_GRANTS = f"""
SELECT format('%I.%I', tenant, relname) AS name, relkind,
    quote_ident(o.rolname) AS owner, quote_ident(r.rolname) AS reader,
    {grants(f"coalesce(relacl, {_USUAL})")} AS grants
FROM homes JOIN pg_class c ON relnamespace = homes.oid
JOIN pg_roles o ON o.oid = relowner JOIN pg_roles r ON r.oid = reader
WHERE relkind = 'r' AND relacl IS DISTINCT FROM ARRAY[
        makeaclitem(relowner, relowner, '{", ".join(TABLE)}', false),
        makeaclitem(reader, relowner, '{", ".join(ROWS)}', false)]
    OR relkind = 'S' AND relacl IS NOT NULL
ORDER BY 1
"""
_COLUMNS = f"""
SELECT format('%I.%I', tenant, relname) AS name, quote_ident(attname) AS column, {grants("attacl")} AS grants
FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN homes ON relnamespace = homes.oid
WHERE attacl IS NOT NULL AND relkind = 'r'
ORDER BY 1, 2
"""
# Everything that lies in a schema depends on it; an identity column's sequence depends on its table as well.
_STRAYS = """
SELECT object.type, object.identity FROM homes
JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = homes.oid
CROSS JOIN pg_identify_object(d.classid, d.objid, 0) object
WHERE d.classid <> 'pg_default_acl'::regclass AND NOT EXISTS (SELECT FROM pg_depend e
        WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')  -- goes with its extension
    AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class c WHERE c.oid = d.objid AND (
        relkind = 'r' OR relkind = 'S' AND EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_class'::regclass
            AND i.objid = c.oid AND i.refclassid = 'pg_class'::regclass AND i.deptype = 'i'))))
ORDER BY 2
"""
# What hangs on a table instead: none of it is the platform's, and all of it runs or decides unseen.
_HANGERS = """
SELECT format('%I.%I', tenant, c.relname) AS name, found.says, found.mend
FROM homes JOIN pg_class c ON c.relnamespace = homes.oid AND relkind = 'r'
CROSS JOIN LATERAL (
    SELECT format('has the trigger %I', tgname), format('DROP TRIGGER %I ON %I.%I;', tgname, tenant, c.relname)
    FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal
    UNION ALL
    SELECT format('has the rule %I', rulename), format('DROP RULE %I ON %I.%I;', rulename, tenant, c.relname)
    FROM pg_rewrite WHERE ev_class = c.oid
    UNION ALL
    SELECT format('has the policy %I', polname), format('DROP POLICY %I ON %I.%I;', polname, tenant, c.relname)
    FROM pg_policy WHERE polrelid = c.oid
    UNION ALL
    SELECT 'has row security, which hides rows from their tenant',
        format('ALTER TABLE %I.%I DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;', tenant, c.relname)
    WHERE relrowsecurity OR relforcerowsecurity
    UNION ALL
    SELECT format('inherits from %s', i.inhparent::regclass),
        format('ALTER TABLE %I.%I NO INHERIT %s;', tenant, c.relname, i.inhparent::regclass)
    FROM pg_inherits i WHERE i.inhrelid = c.oid
    UNION ALL  -- and its rows are then another table's as well
    SELECT format('is inherited by %s', i.inhrelid::regclass),
        format('ALTER TABLE %s NO INHERIT %I.%I;', i.inhrelid::regclass, tenant, c.relname)
    FROM pg_inherits i JOIN pg_class child ON child.oid = i.inhrelid
    WHERE i.inhparent = c.oid AND child.relnamespace NOT IN (SELECT oid FROM homes)
    UNION ALL
    SELECT format('refers to %s, outside its schema', confrelid::regclass),
        format('ALTER TABLE %I.%I DROP CONSTRAINT %I;', tenant, c.relname, conname)
    FROM pg_constraint JOIN pg_class target ON target.oid = confrelid
    WHERE conrelid = c.oid AND contype = 'f' AND target.relnamespace <> homes.oid
    UNION ALL
    SELECT 'has no primary key', format('ALTER TABLE %I.%I ADD %s;', tenant, c.relname,
        CASE WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'id' AND NOT attisdropped)
        THEN 'PRIMARY KEY (id)' ELSE 'COLUMN id uuid PRIMARY KEY DEFAULT gen_random_uuid()' END)
    WHERE NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary)
) found (says, mend)
ORDER BY 1, 2
"""
_DROPPED_AS = {"statistics object": "STATISTICS", "composite type": "TYPE"}


def count(catalogue: Catalogue) -> tuple[int, int]:
    """How many tenants should have a schema, and how many tables lie in those."""
    (row,) = catalogue.rows(_COUNT)
    return row.tenants, row.tables


def owners(catalogue: Catalogue) -> Iterator[Finding]:
    for row in catalogue.rows(_OWNERS):
        give = Target(row.name, f"TABLE {row.name}").give(ROWS, row.reader)
        mend = f"ALTER TABLE {row.name} OWNER TO fh_owner; {give}"
        yield Finding("table owner", row.name, f"is owned by {row.owner}", mend)


def rights(catalogue: Catalogue) -> Iterator[Finding]:
    """A tenant reads and writes its rows; nobody else does, and nothing is granted by the column."""
    for row in catalogue.rows(_GRANTS):
        kind, wanted = "SEQUENCE", both({row.owner: SEQUENCE})
        if row.relkind == "r":
            kind, wanted = "TABLE", both({row.owner: TABLE}, {row.reader: ROWS})
        yield from compare("table grants", Target(row.name, f"{kind} {row.name}"), wanted, map(tuple, row.grants))
    for row in catalogue.rows(_COLUMNS):
        found = [(grantee, f"{privilege} ({row.column})", may) for grantee, privilege, may in row.grants]
        yield from compare("table grants", Target(row.name, f"TABLE {row.name}"), {}, found)


def strays(catalogue: Catalogue) -> Iterator[Finding]:
    """Tables with their indexes and identity columns are all that a tenant's schema holds."""
    for row in catalogue.rows(_STRAYS):
        kind = _DROPPED_AS.get(row.type, row.type.upper())
        what = "partitioned table" if row.type == "table" else row.type
        says = f"is a {what} in a tenant's schema"
        yield Finding("stray object", row.identity, says, f"DROP {kind} {row.identity};")


def shapes(catalogue: Catalogue) -> Iterator[Finding]:
    for row in catalogue.rows(_HANGERS):
        yield Finding("table", row.name, row.says, row.mend)
