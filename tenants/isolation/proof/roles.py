"""Roles: what they are, who is a member of which, what is set for them."""

# ruff: noqa: S608  what is put into these queries is constants of this package

from collections.abc import Iterator

from tenants.isolation.proof.catalogue import Catalogue, Finding
from tenants.isolation.schemas import BOUNDS

_OPTIONS = {
    "rolsuper": "SUPERUSER",
    "rolcreatedb": "CREATEDB",
    "rolcreaterole": "CREATEROLE",
    "rolreplication": "REPLICATION",
    "rolbypassrls": "BYPASSRLS",
}
_STEERING = ("search_path", "role", "session_authorization", "session_replication_role", "row_security")

_ROLES = """
SELECT quote_ident(r.rolname) AS name, r.rolname = :login AS logs_in, r.*
FROM pg_roles r JOIN ours ON ours.oid = r.oid
WHERE rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls OR rolcanlogin <> (r.rolname = :login)
ORDER BY 1
"""
_MISSING = """
SELECT quote_ident(wanted.name) AS name, wanted.name ~ :id AS of_a_tenant
FROM (
    SELECT id FROM tenants WHERE NOT :shared
    UNION ALL VALUES ('fh_owner'::name), ('fh_tenant'), ('fh_app'), (:login)
) wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name)
    -- a schema that is gone with its role is told of as a schema
    AND (wanted.name !~ :id OR EXISTS (SELECT FROM pg_namespace WHERE nspname = wanted.name))
ORDER BY 1
"""
# Whoever has ADMIN OPTION could give itself any other, and the creator of a role has it since PostgreSQL 16 (manual,
# CREATE ROLE); a superuser needs none. So what the administrator is a member of is no finding, be it who looks or the
# database's owner.
_MEMBERSHIPS = """
, wanted (role, member, inherit, sets) AS (
    VALUES ('fh_owner'::name, 'fh_app'::name, false, true), ('fh_app', :login, true, true)
    UNION ALL SELECT 'fh_tenant', :login, false, true WHERE :shared
    UNION ALL SELECT tenant, 'fh_app', false, true FROM homes WHERE NOT :shared
    UNION ALL SELECT 'fh_tenant', tenant, true, true FROM homes WHERE NOT :shared
), found AS (
    SELECT r.rolname AS role, m.rolname AS member, g.rolname AS grantor,
        admin_option, inherit_option, set_option,
        m.rolsuper OR m.rolname = current_user
            OR m.oid = (SELECT datdba FROM pg_database WHERE datname = current_database()) AS may_anyway,
        -- those of another database's tenants, or without one, of which another check tells
        r.rolname ~ :id AND m.rolname = 'fh_app' OR r.rolname = 'fh_tenant' AND m.rolname ~ :id AS of_tenants
    FROM pg_auth_members
    JOIN pg_roles r ON r.oid = roleid JOIN pg_roles m ON m.oid = member JOIN pg_roles g ON g.oid = grantor
    WHERE roleid IN (SELECT oid FROM ours) OR member IN (SELECT oid FROM ours)
)
SELECT quote_ident(role) AS role, quote_ident(member) AS member, quote_ident(grantor) AS grantor,
    wanted.inherit, wanted.sets, admin_option, inherit_option, set_option
FROM wanted FULL JOIN found USING (role, member)
WHERE CASE
    WHEN grantor IS NULL THEN EXISTS (SELECT FROM pg_roles WHERE rolname = role)
        AND EXISTS (SELECT FROM pg_roles WHERE rolname = member)
    WHEN wanted.sets IS NULL THEN NOT may_anyway AND NOT of_tenants
    ELSE admin_option OR inherit_option <> wanted.inherit OR NOT set_option
END
ORDER BY 1, 2, 3
"""
_ADMINISTRATOR = """
SELECT quote_ident(current_user) AS name FROM pg_roles
WHERE rolname = 'fh_owner' AND NOT pg_has_role(current_user, oid, 'USAGE')
"""
# The login has settings of its own: bounds, and what `saas doctor` asks for.
_SETTINGS = """
SELECT quote_ident(r.rolname) AS role, coalesce(r.rolname <> :login, false) AS has_none,
    CASE WHEN setdatabase <> 0 THEN quote_ident(current_database()) END AS database,
    split_part(entry, '=', 1) AS name, substr(entry, strpos(entry, '=') + 1) AS value
FROM pg_db_role_setting LEFT JOIN pg_roles r ON r.oid = setrole, unnest(setconfig) entry
WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND (setrole = 0 OR setrole IN (SELECT oid FROM ours))
ORDER BY 1 NULLS FIRST, 3, 4
"""
# A login that is somebody else's has its bounds from them (migrations/roles.py).
_BOUNDS = f"""
SELECT quote_ident(rolname) AS role, quote_ident(current_database()) AS database, bound.name, bound.value
FROM pg_roles r, (VALUES {", ".join(map(str, BOUNDS.items()))}) bound (name, value)
WHERE rolname = :login AND pg_has_role(current_user, r.oid, 'MEMBER WITH ADMIN OPTION')
    AND NOT EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
        WHERE setrole = r.oid AND datname = current_database() AND bound.name || '=' || bound.value = ANY (setconfig))
ORDER BY 3
"""


def options(catalogue: Catalogue) -> Iterator[Finding]:
    """No role of ours may log in but the application's, and none may do more than it is granted."""
    for row in catalogue.rows(_ROLES):
        wrong = [option for column, option in _OPTIONS.items() if getattr(row, column)]
        mend = [f"NO{option}" for option in wrong]
        if row.rolcanlogin != row.logs_in:
            wrong.append("LOGIN" if row.rolcanlogin else "NOLOGIN")
            mend.append("NOLOGIN" if row.rolcanlogin else "LOGIN")
        yield Finding("role", row.name, f"has {', '.join(wrong)}", f"ALTER ROLE {row.name} {' '.join(mend)};")


def missing(catalogue: Catalogue) -> Iterator[Finding]:
    for row in catalogue.rows(_MISSING):
        mend = "saas tenants doctor --fix" if row.of_a_tenant else "saas migrate"
        yield Finding("role", row.name, "does not exist", mend)


def memberships(catalogue: Catalogue) -> Iterator[Finding]:
    """Who may become whom, with INHERIT, SET and ADMIN as provisioning grants them."""
    for row in catalogue.rows(_MEMBERSHIPS):
        wanted = f"ADMIN FALSE, INHERIT {row.inherit}, SET {row.sets}".upper()
        give = f"GRANT {row.role} TO {row.member} WITH {wanted}"
        if row.grantor is None:
            yield Finding("membership", row.member, f"is not a member of {row.role}", f"{give};")
            continue
        says = f"is a member of {row.role} with {_said(row)}, granted by {row.grantor}"
        take = f"REVOKE {row.role} FROM {row.member} GRANTED BY {row.grantor} CASCADE;"
        mend = take if row.sets is None else f"{give} GRANTED BY {row.grantor};"
        yield Finding("membership", row.member, says, mend)


def administrator(catalogue: Catalogue) -> Iterator[Finding]:
    for row in catalogue.rows(_ADMINISTRATOR):
        mend = f"GRANT fh_owner TO {row.name} WITH INHERIT TRUE, SET TRUE;"
        yield Finding("membership", row.name, "does not have the rights of fh_owner, and can make no schema", mend)


def settings(catalogue: Catalogue) -> Iterator[Finding]:
    """Nothing is set for a role but the login's, and nothing that steers names or rights for it or everybody."""
    for row in catalogue.rows(_SETTINGS):
        if not row.has_none and not _steers(row.name, row.value):
            continue
        where = f" IN DATABASE {row.database}" if row.database else ""
        whose = row.role or row.database or "every role"
        says = f"has {row.name} set to {row.value}{where if row.role else ''}"
        yield Finding("setting", whose, says, f"ALTER ROLE {row.role or 'ALL'}{where} RESET {row.name};")
    for row in catalogue.rows(_BOUNDS):
        mend = f"ALTER ROLE {row.role} IN DATABASE {row.database} SET {row.name} = '{row.value}';"
        yield Finding("setting", row.role, f"does not have {row.name} set to {row.value}", mend)


def _steers(name: str, value: str) -> bool:
    return name in _STEERING or (name == "standard_conforming_strings" and value != "on")


def _said(row: object) -> str:
    options = {"admin_option": "ADMIN", "inherit_option": "INHERIT", "set_option": "SET"}
    return ", ".join(f"{name} {str(getattr(row, column)).upper()}" for column, name in options.items())
