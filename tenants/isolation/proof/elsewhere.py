"""What our roles, and everybody, have outside of the schemas that the other checks look at."""

# ruff: noqa: S608  what is put into these queries is constants of this package

from collections.abc import Iterator

from tenants.isolation.gaps import SET_CONFIG
from tenants.isolation.proof.catalogue import Catalogue, Finding, grants
from tenants.isolation.proof.grants import Target, compare

_HELD = """
SELECT quote_ident(rolname) AS role, deptype, object.type, object.identity, quote_ident(current_user) AS administrator
FROM ours JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = ours.oid
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace OR d.classid = 'pg_namespace'::regclass AND n.oid = d.objid
CROSS JOIN LATERAL (SELECT * FROM pg_identify_object(d.classid, d.objid, 0)) object
WHERE dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) AND deptype IN ('o', 'a')
    AND NOT coalesce(n.nspname ~ :id OR n.nspname = 'platform', false)
    AND NOT coalesce(object.schema ~ :id OR object.schema = 'platform', false)
    AND d.classid <> ALL (ARRAY['pg_default_acl', 'pg_auth_members']::regclass[])
    AND NOT (d.classid = 'pg_database'::regclass AND deptype = 'a')
ORDER BY 1, 4, 2
"""
_DATABASE = f"""
SELECT quote_ident(datname) AS name, {grants("coalesce(datacl, acldefault('d', datdba))")} AS grants,
    (SELECT json_agg(quote_ident(rolname)) FROM ours) AS ours
FROM pg_database WHERE datname = current_database()
"""
# Schemas of whoever manages the server are theirs; those that came with an extension stand among what has first rights.
_SCHEMAS = f"""
SELECT quote_ident(nspname) AS name, {grants("nspacl")} AS grants FROM pg_namespace
WHERE nspacl IS NOT NULL AND nspname !~ '^pg_|^information_schema$|^platform$' AND nspname !~ :id
    AND (nspname = 'public' OR pg_has_role(current_user, nspowner, 'USAGE') AND NOT EXISTS (SELECT FROM pg_init_privs
        WHERE classoid = 'pg_namespace'::regclass AND objoid = pg_namespace.oid))
ORDER BY 1
"""
_LARGE_OBJECTS = f"""
SELECT oid::text AS name, {grants("lomacl")} AS grants FROM pg_largeobject_metadata WHERE lomacl IS NOT NULL
"""
_PARAMETERS = f"""
SELECT parname AS name, {grants("paracl")} AS grants FROM pg_parameter_acl ORDER BY 1
"""
# What came with the server or an extension has its first rights written down (manual, pg_init_privs): what PUBLIC may
# beyond them.
_SYSTEM = """
SELECT DISTINCT object.type, object.identity, a.privilege_type AS privilege
FROM (SELECT 'pg_proc'::regclass AS class, oid, proacl AS acl FROM pg_proc
    UNION ALL SELECT 'pg_class'::regclass, oid, relacl FROM pg_class
    UNION ALL SELECT 'pg_namespace'::regclass, oid, nspacl FROM pg_namespace WHERE nspname <> 'public') having_acl
JOIN pg_init_privs i ON i.classoid = class AND i.objoid = having_acl.oid AND i.objsubid = 0
CROSS JOIN LATERAL aclexplode(acl) a
CROSS JOIN LATERAL (SELECT * FROM pg_identify_object(class, having_acl.oid, 0)) object
WHERE a.grantee = 0 AND NOT EXISTS (SELECT FROM aclexplode(i.initprivs) first
    WHERE first.grantee = 0 AND first.privilege_type = a.privilege_type)
ORDER BY 2, 3
"""
# Where it is the superuser that looks; nobody else could mend it, and `saas doctor` tells of it as a gap.
_SET_CONFIG = f"""
SELECT '{SET_CONFIG}' AS name FROM pg_proc p
WHERE p.oid = '{SET_CONFIG}'::regprocedure
    AND pg_has_role(current_user, proowner, 'USAGE')
    AND EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)
"""
_GRANTED_AS = {
    "view": "TABLE",
    "materialized view": "TABLE",
    "foreign table": "TABLE",
    "server": "FOREIGN SERVER",
    "parameter ACL": "PARAMETER",
    "aggregate": "FUNCTION",
}


def held(catalogue: Catalogue) -> Iterator[Finding]:
    """Nothing of ours lies outside its place, and nothing outside is granted to us."""
    for row in catalogue.rows(_HELD):
        if row.deptype == "o":
            mend = f"ALTER {row.type.upper()} {row.identity} OWNER TO {row.administrator};"
            yield Finding("outside", row.identity, f"is a {row.type} owned by {row.role}", mend)
        else:
            kind = _GRANTED_AS.get(row.type, row.type.upper())
            mend = f"REVOKE ALL ON {kind} {row.identity} FROM {row.role} CASCADE;"
            yield Finding("outside", row.identity, f"is a {row.type} with a grant to {row.role}", mend)


def database(catalogue: Catalogue) -> Iterator[Finding]:
    """Everybody may connect; temporary tables would be a tenant's way to DDL."""
    for row in catalogue.rows(_DATABASE):
        ours = {"PUBLIC", *row.ours}
        found = [tuple(grant) for grant in row.grants if grant[0] in ours and grant[1] != "CONNECT"]
        yield from compare("database", Target(row.name, f"DATABASE {row.name}"), {}, found)


def public(catalogue: Catalogue) -> Iterator[Finding]:
    """Nothing is everybody's, since a tenant's role is somebody."""
    for kind, query in (("SCHEMA", _SCHEMAS), ("LARGE OBJECT", _LARGE_OBJECTS), ("PARAMETER", _PARAMETERS)):
        for row in catalogue.rows(query):
            found = [tuple(grant) for grant in row.grants if grant[0] == "PUBLIC"]
            yield from compare("public", Target(row.name, f"{kind} {row.name}"), {}, found)
    for row in catalogue.rows(_SYSTEM):
        kind = _GRANTED_AS.get(row.type, row.type.upper())
        mend = f"REVOKE {row.privilege} ON {kind} {row.identity} FROM PUBLIC;"
        yield Finding("public", row.identity, f"grants {row.privilege} to PUBLIC", mend)
    for row in catalogue.rows(_SET_CONFIG):
        mend = f"REVOKE EXECUTE ON FUNCTION {row.name} FROM PUBLIC;"
        yield Finding("public", row.name, "grants EXECUTE to PUBLIC", mend)
