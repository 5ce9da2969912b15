"""What a web process and its connections hold after serving many tenants.

Private memory, as the kernel counts it, of a process of its own that reads a record of one tenant after the other in as
many threads as it has connections, and of the server's processes behind these.
"""

import os
import threading
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from benchmarks import children, stand
from benchmarks.figures import AtMost, Figure, Result
from benchmarks.registry import Benchmark, Size
from benchmarks.stand import Stand
from saas.app import create_app
from saas.core.database import db, transaction
from saas.core.settings import Settings
from tenants import isolation
from tenants.backend.collections.models import CatalogueEntry
from tenants.backend.keys.models import ApiKey

FEW = 500
_KIB = 1024


def measure(size: Size) -> Result:
    few = min(FEW, size.tenants)
    with stand.ready(size.tenants) as ground, children.running(_run, ground.settings) as web:
        served = iter(ground.tenants)
        with ground.app.app_context():
            db.engine.dispose()  # our own connections are not the web process'
        at_few = _serve(web, list(islice(served, few)))
        at_many = _serve(web, list(served))
        figures = [*_figures(at_few, at_many, few, size.tenants), *_fixture(ground)]
        return Result("memory", figures, _how(ground))


def _figures(at_few: dict[str, int], at_many: dict[str, int], few: int, many: int) -> list[Figure]:
    whole = [sum(figures.values()) for figures in (at_few, at_many)]
    growth = (at_many["web"] - at_few["web"]) / max(1, many - few)
    return [
        Figure(f"after {many} tenants / after {few}", whole[1] / whole[0], "ratio", AtMost(1.3)),
        Figure("Python's memory for each further tenant", growth / _KIB, "KiB", AtMost(20)),
        *(
            Figure(f"{what}, after {tenants}", figures[part] / _KIB**2, "MiB")
            for tenants, figures in ((few, at_few), (many, at_many))
            for part, what in (("web", "web process"), ("server", "its connections' server processes"))
        ),
    ]


def _fixture(ground: Stand) -> list[Figure]:
    """How long it took to make the tenants; the bar is promised for as many as this benchmark's own size has."""
    if ground.made_in is None or len(ground.tenants) < BENCHMARK.size.tenants:
        return []
    return [Figure(f"making the fixture of {len(ground.tenants)} tenants", ground.made_in, "s", AtMost(360))]


def _how(ground: Stand) -> str:
    return (
        f"Private memory (smaps) of a process with {ground.settings.database_pool_size} connections, which read from "
        f"two tables of each tenant, and are replaced after {ground.settings.tenants_per_connection} tenants. "
        + ground.how
    )


def _serve(web: Connection, tenants: list[str]) -> dict[str, int]:
    """Have the process serve them; returns bytes: its own, and those of its connections' server processes."""
    web.send(tenants)
    found: dict[str, Any] = web.recv()
    return {"web": _private(found["process"]), "server": sum(_private(pid) for pid in found["connections"])}


def _private(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * _KIB for line in lines if line.startswith("Private_"))


def _run(asked: Connection, settings: Settings) -> None:
    """The process: serve the tenants that it is sent, and say which processes there are to look at."""
    app = create_app(settings)
    while True:
        tenants = asked.recv()
        threads = [threading.Thread(target=_visit, args=(app, tenants)) for _ in range(settings.database_pool_size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asked.send({"process": os.getpid(), "connections": _connections(app)})


def _connections(app: Flask) -> list[int]:
    """The server's processes behind this process' connections; nobody else has any as this user."""
    mine = sa.text("SELECT pid FROM pg_stat_activity WHERE usename = current_user")
    with app.app_context():
        return list(db.session.scalars(mine))


def _visit(app: Flask, tenants: list[str]) -> None:
    for tenant in tenants:
        with app.app_context(), transaction():
            isolation.bind(tenant)
            db.session.scalars(sa.select(CatalogueEntry)).all()
            db.session.scalars(sa.select(ApiKey)).all()


BENCHMARK = Benchmark(
    "memory",
    "what a web process and its connections hold after serving many tenants",
    Size(rounds=1, tenants=10_000),
    measure,
)
