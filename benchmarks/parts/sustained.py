"""How many businesses a machine can take in, when no schema is ready: against django-tenants, on the same server.

Ours open while the pool is empty, and the job's own service then builds their schemas; django-tenants builds a schema
inside the request that creates the tenant. Both have the same tables with the same indexes.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from flask import Flask

from benchmarks import stand
from benchmarks.figures import AtLeast, Figure, Part
from benchmarks.peers import peer
from benchmarks.peers.peer import Peer
from benchmarks.registry import Size
from benchmarks.stand import Stand
from saas.core.administrator import administrator
from saas.devstack import postgres
from tenants import provisioning
from tenants.models import State, Tenant

BAR = AtLeast(5)
SIGN_UPS = 500
_IN_TURN = 25


@dataclass
class Time:
    """All in all, in seconds: of the clock, and of the client process' processor time; the rest is the server's."""

    clock: float = 0.0
    processor: float = 0.0


def measure(size: Size) -> Part:
    """At a tiny size as many sign-ups as tenants."""
    sign_ups = min(SIGN_UPS, size.tenants)
    each = min(_IN_TURN, sign_ups)
    ours, theirs = Time(), Time()
    with stand.ready(0) as ground, peer_on(ground) as django:
        create = _ours(ground.app), _theirs(django)
        for time_, way in zip((Time(), Time()), create, strict=True):
            way(time_, each)  # for warm-up
        for _ in range(sign_ups // each):
            for time_, way in zip((ours, theirs), create, strict=True):
                way(time_, each)
        return Part(_figures(ours, theirs, sign_ups // each * each), _how(sign_ups, each, ground))


def _figures(ours: Time, theirs: Time, sign_ups: int) -> list[Figure]:
    def each(name: str, seconds: float) -> Figure:
        return Figure(name, seconds * 1000 / sign_ups, "ms")

    return [
        Figure("sustained: sign-ups a second / django-tenants'", theirs.clock / ours.clock, "ratio", BAR),
        each("sustained: a sign-up with its schema", ours.clock),
        each("sustained: a sign-up with its schema, django-tenants", theirs.clock),
        each("of it processor time of Python", ours.processor),
        each("of it processor time of Python, django-tenants", theirs.processor),
    ]


def _how(sign_ups: int, each: int, ground: Stand) -> str:
    return (
        f"Sustained: {sign_ups} sign-ups with the pool empty, {each} by us and {each} by django-tenants in turn, each "
        "in one process and one after the other, so that a second of the clock is a second of client or server. Ours "
        "count the sign-up service (person, tenant, membership, mails, jobs, audit) and the builder; theirs create "
        "tenant, schema and domain. Nobody hashes a password. " + ground.how
    )


def _ours(app: Flask) -> Callable[[Time, int], None]:
    def create(spent: Time, number: int) -> None:
        _empty_the_pool(app)
        with _spending(spent):
            opened = [stand.open_tenant(app, refill=False) for _ in range(number)]
            with app.app_context():
                for tenant in opened:  # as each one's job does; the first finds the others waiting as well
                    provisioning.provision(tenant)
        _require_ready(app, opened[-1])

    return create


def _theirs(django: Peer) -> Callable[[Time, int], None]:
    def create(spent: Time, number: int) -> None:
        found = django.ask("create", names=[f"s{secrets.token_hex(8)}" for _ in range(number)])
        spent.clock += found["clock"]
        spent.processor += found["processor"]

    return create


@contextmanager
def peer_on(ground: Stand) -> Iterator[Peer]:
    """django-tenants, migrated, in a database of its own on the same server."""
    postgres.create_database(ground.server, "peer")
    with peer.running("django_tenants", stand.dsn(ground.server.url("freehold_admin", "peer"))) as django:
        django.ask("prepare")
        yield django


@contextmanager
def _spending(spent: Time) -> Iterator[None]:
    clock, processor = time.perf_counter(), time.process_time()
    yield
    spent.clock += time.perf_counter() - clock
    spent.processor += time.process_time() - processor


def _empty_the_pool(app: Flask) -> None:
    with app.app_context(), administrator() as connection:
        connection.execute(sa.delete(Tenant).where(Tenant.state == State.SPARE))


def _require_ready(app: Flask, tenant: str) -> None:
    with app.app_context(), administrator() as connection:
        if connection.scalar(sa.select(Tenant.state).where(Tenant.id == tenant)) != State.ACTIVE:
            raise RuntimeError(f"{tenant} has no schema")
