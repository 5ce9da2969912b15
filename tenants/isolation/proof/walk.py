"""The order of the checks, and one snapshot for all of them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from tenants.isolation.modes import Mode
from tenants.isolation.proof import elsewhere, functions, platform, roles, spaces, tables
from tenants.isolation.proof.catalogue import Catalogue, Finding

Check = Callable[[Catalogue], Iterator[Finding]]

# Who is there comes first, since what follows is about those; a trigger before the function that it calls, and the
# platform's functions before the policies that call one.
CHECKS: tuple[Check, ...] = (
    *(roles.missing, roles.options, roles.memberships, roles.administrator, roles.settings),
    *(spaces.gone, spaces.stray, spaces.owners, spaces.entry, spaces.defaults),
    *(tables.owners, tables.rights, tables.shapes, tables.strays),
    *(platform.owners, functions.definitions, functions.rights),
    *(platform.rights, platform.row_security, platform.policies, platform.strays),
    *(elsewhere.database, elsewhere.public, elsewhere.held),
)


@dataclass(frozen=True)
class Proof:
    """What one walk has seen."""

    findings: list[Finding]
    tenants: int
    tables: int  # in tenants' schemas
    seconds: float


def prove(connection: sa.Connection, login: str, mode: Mode) -> Proof:
    """Look at the whole catalogue in one snapshot, so that schemas which are made meanwhile are whole or not there.

    `connection` has to be at the start of its transaction, which is read-only from then on; `login` is the
    application's role.
    """
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    return walk(connection, login, mode)


def walk(connection: sa.Connection, login: str, mode: Mode) -> Proof:
    """`prove` in the caller's own transaction."""
    # So that PostgreSQL writes names with their schemas.
    connection.exec_driver_sql("SET LOCAL search_path = pg_catalog")
    started = time.monotonic()
    catalogue = Catalogue(connection, login, mode)
    findings = [finding for check in CHECKS for finding in check(catalogue)]
    return Proof(findings, *tables.count(catalogue), time.monotonic() - started)
