"""Sign-ups and jobs while web, workers, dispatchers and Redis are killed with -9 and Redis is wiped.

Nothing is lost, nothing has its effect twice, and no tenant is half made. In the same storm are jobs that lack a
defence each: without a lease or a row some are lost, without a key or the one commit some are doubled.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2

from saas.core.settings import Settings
from saas.devstack import ports
from tests.support import counts, servers
from tests.support.crashes.half_made import HALF_MADE
from tests.support.killing import clients, jobs, leases, outcome, processes, queue, receiver, storm
from tests.support.killing.fates import POINTS
from tests.support.killing.outcome import Fared
from tests.support.killing.receiver import Receiver

SIZE = (
    storm.Size(sign_ups=1_000, kept=1_000, hits=5, life=40, kills=8, wipes=10, pause=4.0, longest=2_400)
    if counts.FULL
    else storm.Size(sign_ups=12, kept=100, hits=1, life=4, kills=1, wipes=2, pause=0.6, longest=300)
)
DONE_WITHIN = 300.0  # seconds after the last hit
KILLS, WIPES = (100, 10) if counts.FULL else (20, 2)  # that really hit, at least
LEASES = 0 if counts.FULL else 4  # seconds; 0: as long as the platform makes them

Tell = Callable[[str, object], None]


class Ground:
    """The database as its superuser sees it, and everything else a storm needs."""

    def __init__(self, superuser: str, outside: Receiver, raging: storm.Storm) -> None:
        self.outside, self.storm, self.crowd = outside, raging, raging.crowd
        self.connection = psycopg2.connect(superuser)
        self.connection.autocommit = True

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def settled(self) -> bool:
        self.storm.tend()
        return not self.sql(outcome.OPEN) and not self.storm.queue.waiting("fast")


def test_nothing_is_lost_or_doubled_in_a_storm_but_what_lacks_a_defence(
    settings: Settings, tmp_path: Path, record_property: Tell
) -> None:
    size, chance = SIZE, random.Random(counts.SEED)
    port = ports.free()
    with queue.running(tmp_path / "queue") as redis, receiver.running() as outside:
        own = {
            "redis_url": redis.url,
            "smtp_url": outside.smtp_url,
            "site_url": f"http://localhost:{port}",
            "signups_per_hour": 1_000_000,
        }
        with servers.alone(tmp_path / "server", settings, **own) as (server, _app):
            leases.install(server.superuser, LEASES)
            with processes.nursery(server.settings, own["site_url"], outside.url, tmp_path) as nursery:
                crowd = clients.Crowd(own["site_url"], size.sign_ups, size.kept, chance.randbytes(3).hex())
                raging = storm.Storm(nursery, redis, crowd, chance, storm.slots(port, size, chance))
                ground = Ground(server.superuser, outside, raging)
                try:
                    with crowd.busy():
                        raging.rage(size)
                    left = DONE_WITHIN - (time.monotonic() - raging.last)
                    assert processes.until(ground.settled, left), ground.sql(outcome.OPEN)
                    print(f"all is done {time.monotonic() - raging.last:.1f} s after the last hit")
                    judge(ground, record_property)
                finally:
                    ground.connection.close()


def judge(ground: Ground, record_property: Tell) -> None:
    told, hits = ground.outside.told(), ground.storm.tell()
    effects = Counter(dict(ground.sql(outcome.EFFECTS)))
    fared = outcome.of_jobs(ground.sql(outcome.ASKED_FOR), effects, told, ground.crowd)
    mails = outcome.of_mails(told, ground.crowd)
    show(hits, fared, mails, len(ground.crowd.emails))

    for kind in jobs.AS_MEANT:
        assert fared[kind].asked
        assert fared[kind].lost == fared[kind].doubled == 0
    assert ground.sql(outcome.ASTRAY) == []
    assert sorted(ground.sql(outcome.SIGNED_UP)) == sorted(
        (email, address, "active", outcome.MAILS) for email, address in ground.crowd.emails.items()
    )
    assert (mails.lost, mails.doubled, ground.crowd.refused) == (0, 0, 0)
    canaries = ground.sql(outcome.CANARIES)  # the probe makes them otherwise
    assert [made for made in ground.sql(HALF_MADE) if made[1:] not in canaries] == []
    rare = {point: hits[point] for point in (*POINTS, storm.WIPED) if hits[point] < SIZE.hits}
    assert not rare, "these were hardly hit"
    assert hits.total() - hits[storm.WIPED] >= KILLS
    assert hits[storm.WIPED] >= WIPES
    controls = {kind: fared[kind] for kind in jobs.KINDS if kind not in jobs.AS_MEANT}
    assert controls[jobs.UNLEASED].lost, "the control without a lease lost nothing"
    assert controls[jobs.UNRELAYED].lost, "the control without an outbox lost nothing"
    assert controls[jobs.KEYLESS].doubled, "the control without an idempotency key doubled nothing"
    assert controls[jobs.CARELESS].doubled, "the control without the one commit doubled nothing"
    record_property("tried", len(ground.crowd.emails) + sum(fared[kind].asked for kind in jobs.AS_MEANT))
    record_property("faults", hits.total())
    record_property("leaks", 0)
    record_property("control leaked", sum(kind.lost + kind.doubled for kind in controls.values()))


def show(hits: Counter[str], fared: dict[str, Fared], mails: Fared, sign_ups: int) -> None:
    print(f"FREEHOLD_SEED={counts.SEED}; {hits.total()} faults")
    for what, times in sorted(hits.items()):
        print(f"{times:4} hits: {what}")
    print(f"{sign_ups} sign-ups; mails: {mails}")
    for kind, found in fared.items():
        print(f"{kind}: {found}")
