"""What it costs a request to know what its tenant may do: nothing is asked, since the identity has brought it along."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import sqlalchemy as sa

from benchmarks import stand
from benchmarks.figures import AtMost, Figure, Part
from benchmarks.parts.billing_stand import Shop
from saas.core import identity
from saas.core.database import db, transaction
from tenants import admission, isolation
from tenants.backend.keys import service as keys
from tenants.members.models import Role
from tenants.models import Tenant
from tenants.usage import limits, over

BAR = AtMost(0.05)  # ms
_CHECKS, _ASKED = 100_000, 2_000
_QUERY = """
SELECT t.plan, t.limits, t.standing, u.resource, u.used FROM platform.tenants t
LEFT JOIN platform.usage u ON u.tenant = t.id AND u.period = '' WHERE t.id = %s
"""


def measure(shop: Shop, *, tiny: bool) -> Part:
    checks, asked = (100, 5) if tiny else (_CHECKS, _ASKED)
    tenant = shop.ground.tenants[0]
    with _request(shop, tenant), _statements() as seen:
        began = time.perf_counter()
        for _ in range(checks):
            _check()
        each = (time.perf_counter() - began) / checks * 1000
    query = _queried(shop, tenant, asked)
    return Part(
        [
            Figure("statements of an entitlement check", len(seen), "statements", AtMost(0)),
            Figure("an entitlement check", each, "ms", BAR),
            Figure("the same question, asked by a query", query, "ms"),
            Figure("asked by a query / ours", query / each, "ratio"),
        ],
        f"Checks: {checks:,} in one process within a real request of the API, each whether the request is let in, "
        "whether the plan has a feature, and whether records are over the limit. The query asks for the same by "
        f"psycopg2, {asked:,} times, in a transaction that is open.",
    )


def _check() -> None:
    workspace = identity.tenant()
    admission.admit(workspace, Role.DEVELOPER)  # as the key of the call
    limits.has(workspace.limits, limits.USAGE_EXPORT)
    over.now(limits.RECORDS)


@contextmanager
def _request(shop: Shop, tenant: str) -> Iterator[None]:
    """A call of the API that has been let in, by a key."""
    with shop.app.test_request_context("/"), transaction():
        isolation.bind(tenant)
        key = keys.create("bench", actor="bench")
    with shop.app.app_context():
        address = db.session.scalar(sa.select(Tenant.address).where(Tenant.id == tenant))
    host = shop.settings.site_url.replace("://", f"://{address}.")
    with shop.app.test_request_context(
        "/api/v1/collections", base_url=host, headers={"Authorization": f"Bearer {key}"}
    ):
        refused = shop.app.preprocess_request()
        if refused is not None:
            raise RuntimeError(f"the call was not let in: {refused!r}")
        yield


@contextmanager
def _statements() -> Iterator[list[str]]:
    """Those of this thread; what the application counts is written down by another one."""
    seen, mine = list[str](), threading.get_ident()

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if threading.get_ident() == mine:
            seen.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)


def _queried(shop: Shop, tenant: str, times: int) -> float:
    """Milliseconds for one."""
    connection = psycopg2.connect(stand.dsn(shop.settings.database_url))
    with connection, connection.cursor() as cursor:
        began = time.perf_counter()
        for _ in range(times):
            cursor.execute(_QUERY, (tenant,))
            cursor.fetchall()
        took = time.perf_counter() - began
    connection.close()
    return took / times * 1000
