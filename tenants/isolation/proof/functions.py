"""The platform's functions, to the letter, and who may call them.

On `bound()` all policies stand; through `identify()` passes each request to a workspace, with the secrets of sessions.
"""

# ruff: noqa: S608  what is put into this query is constants of this package

from collections.abc import Iterator

from tenants.isolation.proof.catalogue import Catalogue, Finding, grants
from tenants.isolation.proof.expected import FUNCTIONS
from tenants.isolation.proof.grants import Target, compare

_FUNCTIONS = f"""
SELECT object.identity, regexp_replace(trim(pg_get_functiondef(p.oid), E'\\n'), '\\s+', ' ', 'g') AS sql,
    quote_ident(rolname) AS owner, {grants("coalesce(proacl, acldefault('f', proowner))")} AS grants
FROM pg_proc p JOIN pg_roles o ON o.oid = proowner
    CROSS JOIN pg_identify_object('pg_proc'::regclass, p.oid, 0) object
WHERE pronamespace = 'platform'::regnamespace AND prokind = 'f'
"""


def definitions(catalogue: Catalogue) -> Iterator[Finding]:
    """Body, what they take and give, language, options and settings."""
    found = {row.identity: row.sql for row in catalogue.rows(_FUNCTIONS)}
    for identity, function in FUNCTIONS.items():
        wanted = function.sql.format(bound=catalogue.mode.bound)
        if identity not in found:
            mend = f"{wanted}; {_only_to(function.to, identity)}"
            yield Finding(function.name, identity, "does not exist", mend)
        elif found[identity] != wanted:
            returns_another = _head(found[identity]) != _head(wanted)
            drop = f"DROP FUNCTION {identity}; " if returns_another else ""
            again = f" {_only_to(function.to, identity)}" if returns_another else ""
            yield Finding(function.name, identity, f"is altered: {found[identity]}", f"{drop}{wanted};{again}")


def rights(catalogue: Catalogue) -> Iterator[Finding]:
    for row in catalogue.rows(_FUNCTIONS):
        if function := FUNCTIONS.get(row.identity):
            wanted = {row.owner: ("EXECUTE",), function.to: ("EXECUTE",)}
            target = Target(row.identity, f"FUNCTION {row.identity}")
            yield from compare("platform grants", target, wanted, map(tuple, row.grants))


def _head(sql: str) -> str:
    """What CREATE OR REPLACE can't change."""
    return sql.partition(" LANGUAGE ")[0]


def _only_to(grantee: str, identity: str) -> str:
    """Everybody may call a function that is new."""
    return f"REVOKE EXECUTE ON FUNCTION {identity} FROM PUBLIC; GRANT EXECUTE ON FUNCTION {identity} TO {grantee};"
