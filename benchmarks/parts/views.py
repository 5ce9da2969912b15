"""What tenancy costs a whole view that answers with a record as JSON, and how that compares with django-tenants.

Ours takes turns with each of the others, each a WSGI application called in its own process: ours in a workspace (who
asks, whether they belong to it, what their role allows, the binding, the record); ours on the bare host (who asks, the
record, from an ordinary table); and django-tenants' twice, for members (who asks, whether they belong to it, the
record) and for anybody.
"""

import itertools
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, Flask, Response, jsonify
from werkzeug.test import EnvironBuilder, run_wsgi_app

from benchmarks import stand
from benchmarks.figures import AtLeast, Figure, Part
from benchmarks.parts.sustained import peer_on
from benchmarks.peers.peer import Peer
from benchmarks.registry import Size
from benchmarks.stand import SITE, Stand
from benchmarks.timing import Samples, Way, interleave
from saas.accounts import sessions
from saas.accounts.models import User
from saas.core import identity
from saas.core.database import db, transaction
from tenants import isolation
from tenants.backend.collections.models import CatalogueEntry
from tenants.members import permissions
from tenants.members.models import Membership
from tenants.members.permissions import needs
from tenants.models import Tenant
from tenants.routing import enter

_TENANTS, _ROWS, _CALLS = 10, 50, 10
_OURS, _WITHOUT = "ours", "without tenancy"
_MEMBERS, _ANYBODY = "django-tenants, members", "django-tenants, anybody"
_BARS = {_WITHOUT: AtLeast(0.9), _MEMBERS: AtLeast(2), _ANYBODY: None}
_TABLE = CatalogueEntry.__table__
_COLUMNS = [_TABLE.c[name] for name in ("id", "name", "label", "fields")]
_SELECT = sa.select(*_COLUMNS).where(_TABLE.c.id == sa.bindparam("key"))
_ORDINARY = sa.table("bench_rows", *(sa.column(column.name, column.type) for column in _COLUMNS), schema="bench")
_SELECT_ORDINARY = sa.select(_ORDINARY).where(_ORDINARY.c.id == sa.bindparam("key"))


@dataclass(frozen=True)
class Shop:
    """A business, somebody who is signed in to it and to the bare host, and the ids of its records."""

    host: str
    cookies: str
    keys: list[UUID]


def measure(size: Size) -> list[Part]:
    with stand.ready(min(size.tenants, _TENANTS)) as ground, peer_on(ground) as django:
        _add_views(ground.app)
        shops = [_open(ground, tenant) for tenant in ground.tenants]
        ways = _ways(ground.app, shops, django)
        return [_beside(ways, over, bar, size.rounds // 2, ground) for over, bar in _BARS.items()]


def _beside(ways: dict[str, Way], over: str, bar: AtLeast | None, rounds: int, ground: Stand) -> Part:
    """Ours and another way, by themselves: a third process between them would leave both of them cold."""
    pair = {name: ways[name] for name in (_OURS, over)}
    samples = interleave(pair, max(1, rounds), warm_up=2 * _TENANTS)
    figures = [
        Figure(f"view: requests a second / {over}", samples.ratio(over, _OURS), "ratio", bar),
        *(
            Figure(
                f"view: {name}, beside {over}" if name == _OURS else f"view: {name}",
                samples.median(name) * 1000 / _CALLS,
                "ms",
            )
            for name in pair
        ),
    ]
    return Part(figures, _how(samples, ground))


def _how(samples: Samples, ground: Stand) -> str:
    return (
        "View: a record as JSON, by WSGI calls of one process, for another tenant each time; without tenancy it says "
        "who asks and no more. django-tenants' for members asks who it is, and whether they belong to the tenant, as "
        f"ours does. A repetition is {_CALLS} requests. {samples.how} {ground.how}"
    )


def _add_views(app: Flask) -> None:
    workspace, site = Blueprint("bench_workspace", __name__), Blueprint("bench_site", __name__)
    workspace.before_request(enter)

    @workspace.get("/bench/<uuid:key>")
    @needs(permissions.RECORDS_READ)
    def within(key: UUID) -> Response:
        return _answer(_SELECT, key)

    @site.get("/bench-ordinary/<uuid:key>")
    def without(key: UUID) -> Response:
        if identity.current().person is None:
            raise RuntimeError("nobody is signed in")
        return _answer(_SELECT_ORDINARY, key)

    app.register_blueprint(workspace)
    app.register_blueprint(site)


def _answer(select: sa.Select[Any], key: UUID) -> Response:
    row = db.session.execute(select, {"key": key}).one()
    return jsonify(id=row.id, name=row.name, label=row.label, fields=row.fields)


def _open(ground: Stand, tenant: str) -> Shop:
    keys = [UUID(int=number + 1) for number in range(_ROWS)]
    fields = [{"name": f"field_{number}", "kind": "text", "required": False} for number in range(8)]
    with ground.app.test_request_context("/", base_url=SITE), transaction():
        address, person = db.session.execute(
            sa.select(Tenant.address, User.id).join(Membership, Membership.tenant == Tenant.id).join(User)
            .where(Tenant.id == tenant)
        ).one()  # fmt: skip
        cookies = {
            sessions.SITE: sessions.open_session(person),
            sessions.WORKSPACE: sessions.open_session(person, tenant=tenant),
        }
    with ground.app.app_context(), transaction():
        isolation.bind(tenant)
        for number, key in enumerate(keys):
            db.session.add(CatalogueEntry(id=key, name=f"collection_{number}", label="x", fields=fields))
    ground.as_superuser(
        "CREATE SCHEMA IF NOT EXISTS bench",
        f'CREATE TABLE IF NOT EXISTS bench.bench_rows (LIKE "{tenant}".fh_collections INCLUDING ALL)',
        f'INSERT INTO bench.bench_rows SELECT * FROM "{tenant}".fh_collections ON CONFLICT DO NOTHING',
        "GRANT USAGE ON SCHEMA bench TO fh_app",
        "GRANT SELECT ON bench.bench_rows TO fh_app",
    )
    return Shop(f"{address}.{SITE.removeprefix('http://')}", _header(ground.app, cookies), keys)


def _header(app: Flask, cookies: dict[str, str]) -> str:
    """As a browser sends them that was given them."""
    response = Response()
    with app.test_request_context("/", base_url=SITE):
        for kind, secret in cookies.items():
            sessions.set_cookie(response, kind, secret)
    return "; ".join(value.partition(";")[0] for value in response.headers.getlist("Set-Cookie"))


def _ways(app: Flask, shops: list[Shop], django: Peer) -> dict[str, Way]:
    within, without = itertools.cycle(shops), itertools.cycle(shops)
    members, anybody = (itertools.cycle(_fill(django, len(shops))) for _ in range(2))

    def ours() -> float:
        shop = next(within)
        return _call(app, f"http://{shop.host}/bench/", shop)

    def theirs(path: str, shops: Iterator[dict[str, Any]]) -> float:
        return float(django.ask("view", path=path, **next(shops))["clock"])

    return {
        _OURS: ours,
        _WITHOUT: lambda: _call(app, f"{SITE}/bench-ordinary/", next(without)),
        _MEMBERS: lambda: theirs("members", members),
        _ANYBODY: lambda: theirs("open", anybody),
    }


def _fill(django: Peer, tenants: int) -> list[dict[str, Any]]:
    names = [f"view{secrets.token_hex(8)}" for _ in range(tenants)]
    django.ask("create", names=names)
    filled = [(name, django.ask("fill", name=name, rows=_ROWS)) for name in names]
    return [{"name": name, "keys": found["keys"][:_CALLS], "cookie": found["cookie"]} for name, found in filled]


def _call(app: Flask, url: str, shop: Shop) -> float:
    """Ask for some records; what a server does before the application, parsing a request, does not count."""
    environs = [_environ(url + str(key), shop.cookies) for key in shop.keys[:_CALLS]]
    start = time.perf_counter()
    answers = [run_wsgi_app(app.wsgi_app, environ, buffered=True) for environ in environs]
    seconds = time.perf_counter() - start
    for body, status, _headers in answers:
        if status != "200 OK" or len(json.loads(b"".join(body))["fields"]) != 8:
            raise RuntimeError(f"{url} answered {status}")
    return seconds


def _environ(url: str, cookies: str) -> dict[str, Any]:
    site, _, path = url.removeprefix("http://").partition("/")
    return EnvironBuilder(f"/{path}", f"http://{site}", headers={"Cookie": cookies}).get_environ()
