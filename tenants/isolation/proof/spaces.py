"""Tenants' schemas: that each is there, whose it is, who may enter, and what new tables in it are granted."""

# ruff: noqa: S608  what is put into these queries is constants of this package

from collections.abc import Iterator

import sqlalchemy as sa

from tenants.isolation.proof.catalogue import Catalogue, Finding, grants
from tenants.isolation.proof.grants import ROWS, SCHEMA, Target, both, compare
from tenants.isolation.traces import traces
from tenants.models import State, Tenant

_GONE = """
SELECT quote_ident(id) AS tenant, state FROM platform.tenants
WHERE revision IS NOT NULL AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = id) ORDER BY 1
"""
_OWNERS = """
SELECT quote_ident(tenant) AS tenant, quote_ident(o.rolname) AS owner, quote_ident(r.rolname) AS reader
FROM homes JOIN pg_roles o ON o.oid = owner JOIN pg_roles r ON r.oid = reader
WHERE o.rolname <> 'fh_owner' ORDER BY 1
"""
_ENTRY = f"""
SELECT quote_ident(tenant) AS tenant, quote_ident(o.rolname) AS owner, quote_ident(r.rolname) AS reader,
    {grants("coalesce(acl, acldefault('n', owner))")} AS grants
FROM homes JOIN pg_roles o ON o.oid = owner JOIN pg_roles r ON r.oid = reader
WHERE acl IS DISTINCT FROM
    ARRAY[makeaclitem(owner, owner, 'USAGE, CREATE', false), makeaclitem(reader, owner, 'USAGE', false)]
ORDER BY 1
"""
# Of a schema's own entries, those that are not as they should be; and a row for the schema that has none.
_DEFAULTS = f"""
SELECT quote_ident(tenant) AS tenant, quote_ident(r.rolname) AS reader, kind,
    coalesce(quote_ident(o.rolname), 'fh_owner') AS role, {grants("d.defaclacl")} AS grants
FROM homes JOIN pg_roles r ON r.oid = reader
CROSS JOIN (VALUES ('r'), ('S'), ('f'), ('T')) kinds (kind)
LEFT JOIN pg_default_acl d ON d.defaclnamespace = homes.oid AND d.defaclobjtype = kind::"char"
LEFT JOIN pg_roles o ON o.oid = d.defaclrole
WHERE CASE WHEN kind = 'r' AND coalesce(o.rolname, 'fh_owner') = 'fh_owner'
    THEN d.defaclacl IS DISTINCT FROM
        ARRAY[makeaclitem(reader, o.oid, '{", ".join(ROWS)}', false)]
    ELSE d.oid IS NOT NULL END
ORDER BY 1, 3, 4
"""
# Those that hold in all schemas, where PostgreSQL has its own, and among the platform's tables.
_USUAL = "acldefault(CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END, defaclrole)"
_ELSEWHERE = f"""
SELECT coalesce(nspname, 'every schema') AS space, quote_ident(rolname) AS role, defaclobjtype AS kind,
    {grants("defaclacl")} AS grants, CASE WHEN nspname IS NULL THEN {grants(_USUAL)} ELSE '[]' END AS usual
FROM pg_default_acl JOIN pg_roles ON pg_roles.oid = defaclrole
LEFT JOIN pg_namespace n ON n.oid = defaclnamespace
WHERE nspname = 'platform' OR nspname IS NULL
    AND (rolname IN ('fh_owner', current_user)
        OR EXISTS (SELECT FROM aclexplode(defaclacl) WHERE grantee IN (SELECT oid FROM ours)))
ORDER BY 1, 2, 3
"""
_KINDS = {"r": "TABLES", "S": "SEQUENCES", "f": "FUNCTIONS", "T": "TYPES", "n": "SCHEMAS", "L": "LARGE OBJECTS"}


def gone(catalogue: Catalogue) -> Iterator[Finding]:
    for row in catalogue.rows(_GONE):
        restore = f'pg_restore --dbname "$DATABASE_ADMIN_URL" --schema {row.tenant} BACKUP'
        mend = "saas tenants doctor --fix" if row.state == State.SPARE else restore
        yield Finding("schema", row.tenant, "is a tenant's, and does not exist", mend)


def stray(catalogue: Catalogue) -> Iterator[Finding]:
    """Schemas and roles that look like a tenant's and are nobody's."""
    there = traces(catalogue.mode)
    known = sa.select(Tenant.id).where(Tenant.revision.is_not(None))
    nobodys = sa.select(there).where(there.c.tenant.not_in(known)).order_by(there.c.tenant)
    for row in catalogue.connection.execute(nobodys):
        if row.schema or not row.elsewhere:
            kind = "schema" if row.schema else "role"
            yield Finding(kind, row.tenant, f"is a {kind} without a tenant", "saas tenants doctor --fix")


def owners(catalogue: Catalogue) -> Iterator[Finding]:
    for row in catalogue.rows(_OWNERS):
        # What a new owner was granted becomes part of the ownership, and goes with it.
        mend = f"ALTER SCHEMA {row.tenant} OWNER TO fh_owner; GRANT USAGE ON SCHEMA {row.tenant} TO {row.reader};"
        yield Finding("schema owner", row.tenant, f"is owned by {row.owner}", mend)


def entry(catalogue: Catalogue) -> Iterator[Finding]:
    for row in catalogue.rows(_ENTRY):
        wanted = both({row.owner: SCHEMA}, {row.reader: ("USAGE",)})
        target = Target(row.tenant, f"SCHEMA {row.tenant}")
        yield from compare("schema grants", target, wanted, map(tuple, row.grants))


def defaults(catalogue: Catalogue) -> Iterator[Finding]:
    """What tables that are made later are granted: their rows to their tenant, and nothing to anybody else."""
    for row in catalogue.rows(_DEFAULTS):
        before = f"ALTER DEFAULT PRIVILEGES FOR ROLE {row.role} IN SCHEMA {row.tenant} "
        wanted = {row.reader: ROWS} if row.kind == "r" and row.role == "fh_owner" else {}
        target = Target(f"{row.tenant} ({_KINDS[row.kind].lower()} of {row.role})", _KINDS[row.kind], before)
        yield from compare("default privileges", target, wanted, map(tuple, row.grants))
    for row in catalogue.rows(_ELSEWHERE):
        where = f" IN SCHEMA {row.space}" if row.space == "platform" else ""
        before = f"ALTER DEFAULT PRIVILEGES FOR ROLE {row.role}{where} "
        target = Target(f"{row.space} ({_KINDS[row.kind].lower()} of {row.role})", _KINDS[row.kind], before)
        usual = {tuple(grant) for grant in row.usual}
        yield from compare("default privileges", target, {}, {tuple(grant) for grant in row.grants} - usual)
