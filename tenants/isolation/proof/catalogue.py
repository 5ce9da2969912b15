"""What a check reads from and what it answers."""

# ruff: noqa: S608  what is put into these queries is constants of this package

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tenants.isolation.modes import SCHEMA, Mode

# Tenants that should have a schema; those that have it, and a role to read it, which the other checks are about; and
# the roles of this platform.
_SCOPE = """
WITH tenants AS (
    SELECT id::name AS id FROM platform.tenants WHERE revision IS NOT NULL
), homes AS (
    SELECT n.oid, n.nspname AS tenant, n.nspowner AS owner, n.nspacl AS acl, r.oid AS reader
    FROM tenants JOIN pg_namespace n ON n.nspname = id JOIN pg_roles r ON r.rolname = replace(:reader, '{tenant}', id)
), ours AS (
    SELECT oid, rolname FROM pg_roles
    WHERE rolname IN ('fh_owner', 'fh_tenant', 'fh_app', :login) OR rolname IN (SELECT id FROM tenants)
)
"""
_ID = "^t_[a-z2-7]{16}$"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is out of place."""

    check: str  # the rule's name
    object: str  # as SQL writes it
    says: str  # the object's predicate: "object says" is a sentence
    mend: str  # SQL for the administrator (for a superuser where it is a superuser's), or a `saas …` command


@dataclass(frozen=True)
class Catalogue:
    """A database as one transaction of the administrator sees it."""

    connection: sa.Connection
    login: str  # the application's
    mode: Mode

    def rows(self, query: str) -> Sequence[Any]:
        """`query` goes on after the common tables `tenants`, `homes` and `ours`.

        :id is what a tenant's id looks like, :login the application's login, :shared whether all tenants share a role.
        """
        values = {"id": _ID, "login": self.login, "reader": self.mode.role, "shared": self.mode is SCHEMA}
        return self.connection.execute(sa.text(_SCOPE + query), values).all()


def grants(acl: str) -> str:
    """SQL for an access list's content, as a JSON array of [grantee, privilege, whether it was given to pass on]."""
    passed_on = "a.is_grantable AND a.grantee <> a.grantor"  # not the owner's, who may anyway
    return f"""(
        SELECT coalesce(json_agg(json_build_array(
            coalesce(quote_ident(g.rolname), 'PUBLIC'), a.privilege_type, {passed_on})), '[]')
        FROM aclexplode({acl}) a LEFT JOIN pg_roles g ON g.oid = a.grantee)"""
