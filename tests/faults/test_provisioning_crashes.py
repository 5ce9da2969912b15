"""Provisioning killed at points by name: nothing half made stays, and `saas tenants doctor` finds nothing.

Each hit is a process that really builds, signs up, reclaims or mends, and that dies at the point: by SIGKILL, with its
connection ended by the server, or with the whole server killed, which then recovers from its log. What is left is
counted by the superuser, in SQL that shares nothing with the code. The server is this file's own.
"""

import contextlib
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from flask import Flask

from saas.core.database import db
from saas.core.settings import Settings
from tenants import provisioning
from tenants.doctor import looking, mending
from tenants.doctor.faults import Fault
from tests.support import counts, live
from tests.support.crashes.actions import ACTIONS
from tests.support.crashes.half_made import HALF_MADE
from tests.support.crashes.nursery import CRASH, KILL, TERMINATE
from tests.support.crashes.points import AFTER, BEFORE, COMMIT_AFTER, COMMIT_BEFORE, COMMIT_DURING, DURING, POINTS
from tests.support.servers import Alone, alone

Tell = Callable[[str, object], None]

HITS = 20 if counts.FULL else 5
SPARES, WAITING, OVERDUE = 4, 3, 1
CASES = [
    *[("refill", point) for point in POINTS],
    *[("provision", point) for point in POINTS],
    *[("sign-up", point) for point in (AFTER, COMMIT_BEFORE, COMMIT_DURING, COMMIT_AFTER)],
    *[("sign-up without a spare", point) for point in (AFTER, COMMIT_BEFORE, COMMIT_DURING, COMMIT_AFTER)],
    *[("reclaim", point) for point in POINTS],
]

BUSY = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend' AND state IS DISTINCT FROM 'idle'
"""


class Ground:
    """The server, an application on it, and processes that are there to be killed."""

    def __init__(self, server: Alone, app: Flask, nursery: "subprocess.Popen[str]") -> None:
        self.server, self.app, self.nursery = server, app, nursery
        self.chance = random.Random()
        self.hits: Counter[str] = Counter()
        self.superuser: Any = None

    def strike(self, action: str, point: str, happens: str = KILL, server: str = "", *, careless: bool = False) -> int:
        """Let a process do it until it is struck; returns how that process ended."""
        wanted = {"action": action, "point": point, "happens": happens, "server": server, "careless": careless}
        assert self.nursery.stdin
        assert self.nursery.stdout
        self.nursery.stdin.write(json.dumps({**wanted, "seed": self.chance.getrandbits(32)}) + "\n")
        self.nursery.stdin.flush()
        ended = json.loads(self.nursery.stdout.readline())
        assert ended["hit"], f"{action} never came to: {point}"
        self.hits[f"{action}, {happens} {point}"] += 1
        return int(ended["status"])

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """As the superuser."""
        if self.superuser is None or self.superuser.closed:
            self.superuser = psycopg2.connect(self.server.superuser)
            self.superuser.autocommit = True
        with self.superuser.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def start_again(self) -> None:
        """After the server was killed, and with it all connections."""
        if self.superuser:
            self.superuser.close()
        self.server.start_again()
        with self.app.app_context():
            db.engine.dispose()
        if engine := self.app.extensions.get("freehold.administrator"):
            engine.dispose()

    def half_made(self) -> list[tuple[Any, ...]]:
        """Once the server has noticed that a dead process is gone."""
        live.eventually(lambda: self.sql(BUSY) == [(0,)])
        return self.sql(HALF_MADE)

    def found(self) -> list[Fault]:
        with self.app.app_context():
            return [finding.fault for finding in looking.find()]

    def mend(self) -> None:
        with self.app.app_context():
            for finding in looking.find():
                mending.mend(finding)

    def prepare(self, action: str) -> None:
        """Make work for an action."""
        PREPARE[action](self)

    def empty_the_pool(self) -> None:
        """Nor does anybody wait."""
        with self.app.app_context():
            for tenant in provisioning._waiting():
                provisioning.provision(tenant)
        for (tenant,) in self.sql("DELETE FROM platform.tenants WHERE state = 'spare' RETURNING id"):
            self.sql(f'DROP SCHEMA IF EXISTS "{tenant}" CASCADE')
            self.sql(f'DROP ROLE IF EXISTS "{tenant}"')

    def refill(self) -> None:
        with self.app.app_context():
            provisioning.refill()

    def sign_up(self) -> None:
        with self.app.app_context():
            ACTIONS["sign-up"].run()

    def wait(self) -> None:
        """Businesses sign up that find no spare."""
        self.empty_the_pool()
        for _ in range(WAITING):
            self.sign_up()

    def grow_old(self) -> None:
        self.refill()
        self.sign_up()
        self.sql(
            "UPDATE platform.tenants SET opened_at = now() - interval '100 hours' WHERE id ="
            " (SELECT id FROM platform.tenants WHERE state = 'active' ORDER BY opened_at DESC LIMIT 1)"
        )

    def lose_a_row(self) -> None:
        self.refill()
        self.sql(
            "DELETE FROM platform.tenants WHERE id = (SELECT id FROM platform.tenants WHERE state = 'spare' LIMIT 1)"
        )


PREPARE: dict[str, Callable[[Ground], None]] = {
    "refill": Ground.empty_the_pool,
    "provision": Ground.wait,
    "sign-up": Ground.refill,
    "sign-up without a spare": Ground.empty_the_pool,
    "reclaim": Ground.grow_old,
    "doctor --fix": Ground.lose_a_row,
}


@pytest.mark.parametrize(("action", "point"), CASES)
def test_killed_at_any_point_it_leaves_nothing_by_half(
    ground: Ground, action: str, point: str, record_property: Tell
) -> None:
    for _ in range(HITS):
        ground.prepare(action)
        assert ground.strike(action, point) == -9
        assert ground.half_made() == []
    assert ground.found() == []
    tell(record_property)


@pytest.mark.parametrize("point", POINTS)
def test_the_doctor_killed_at_any_point_has_mended_or_not_begun(
    ground: Ground, point: str, record_property: Tell
) -> None:
    for _ in range(HITS):
        ground.prepare("doctor --fix")
        ill = ground.half_made()
        assert [kind for kind, _tenant in ill] == ["schema without a row", "role without a row"]
        assert ground.strike("doctor --fix", point) == -9
        assert ground.half_made() == ([] if point in {COMMIT_DURING, COMMIT_AFTER} else ill)
        ground.mend()
        assert (ground.found(), ground.half_made()) == ([], [])
    tell(record_property)


@pytest.mark.parametrize("point", [DURING, COMMIT_BEFORE])
@pytest.mark.parametrize("action", ["refill", "provision"])
def test_a_connection_that_the_server_ends_leaves_nothing_by_half(
    ground: Ground, action: str, point: str, record_property: Tell
) -> None:
    for _ in range(HITS):
        ground.prepare(action)
        ground.strike(action, point, TERMINATE, ground.server.superuser)
        assert ground.half_made() == []
    assert ground.found() == []
    tell(record_property)


def test_a_server_that_is_killed_comes_back_with_nothing_by_half(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, record_property: Tell
) -> None:
    with a_ground(settings, tmp_path_factory, fsync=True) as ground:
        for _ in range(HITS):
            ground.prepare("refill")
            ground.strike("refill", COMMIT_DURING, CRASH, str(ground.server.server.process.pid))
            ground.start_again()
            assert ground.half_made() == []
        assert ground.found() == []
    tell(record_property)


@pytest.mark.parametrize(
    ("action", "point", "left"),
    [
        ("refill", AFTER, {Fault.SCHEMA: SPARES}),
        ("provision", BEFORE, {Fault.LOST: WAITING}),
        ("reclaim", BEFORE, {Fault.SCHEMA: OVERDUE}),
    ],
)
def test_control_without_one_transaction_the_same_kills_leave_orphans(
    ground: Ground, action: str, point: str, left: dict[Fault, int], record_property: Tell
) -> None:
    for _ in range(HITS):
        ground.prepare(action)
        assert ground.strike(action, point, careless=True) == -9
        assert len(ground.half_made()) >= sum(left.values())
        assert Counter(ground.found()) == left
        remove_what_is_lost(ground)
        ground.mend()
        assert (ground.found(), ground.half_made()) == ([], [])
    record_property("tried", HITS)
    record_property("control leaked", HITS * sum(left.values()))


def tell(record_property: Tell) -> None:
    """Each try was a process that really died at the point; else the test would not have come so far."""
    for name, figure in (("tried", HITS), ("faults", HITS), ("leaks", 0)):
        record_property(name, figure)


def remove_what_is_lost(ground: Ground) -> None:
    """An active workspace without its schema is what no doctor can mend."""
    ground.sql(
        "DELETE FROM platform.users WHERE id IN (SELECT user_id FROM platform.memberships JOIN platform.tenants"
        " ON id = tenant WHERE state = 'active' AND id NOT IN (SELECT nspname FROM pg_namespace))"
    )
    ground.sql("DELETE FROM platform.tenants WHERE state = 'active' AND id NOT IN (SELECT nspname FROM pg_namespace)")


@pytest.fixture(scope="module")
def ground(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with a_ground(settings, tmp_path_factory) as made:
        yield made


@contextlib.contextmanager
def a_ground(settings: Settings, folders: pytest.TempPathFactory, *, fsync: bool = False) -> Iterator[Ground]:
    """Prints the seed of its moments, and how often which point was hit."""
    pool = {"spare_tenants_low": SPARES, "spare_tenants_high": SPARES}
    with (
        alone(folders.mktemp("server"), settings, fsync=fsync, **pool) as (server, app),
        nursery(server, folders.mktemp("log")) as process,
    ):
        made = Ground(server, app, process)
        print(f"FREEHOLD_SEED={counts.SEED}")
        made.chance.seed(counts.SEED)
        yield made
        for what, hits in sorted(made.hits.items()):
            print(f"{hits:3} hits: {what}")


@contextlib.contextmanager
def nursery(server: Alone, folder: Path) -> "Iterator[subprocess.Popen[str]]":
    """Ends when its input does."""
    with (
        (folder / "nursery.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.crashes.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=live.ROOT,
            env=live.environment(server.settings, server.settings.site_url),
        ) as process,
    ):
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
