"""Whose turn it is, of jobs in a database that nobody else uses."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core.database import db
from saas.core.jobs import leasing, turns
from saas.core.jobs.leasing import Turn
from saas.core.jobs.turns import AT_ONCE, BATCH
from tests.support import jobs as _registered  # noqa: F401
from tests.support.database import sql
from tests.support.threads import together
from tests.support.waiting import KNOWN, add, business, clear, finish, states

MANY = 1_000  # more than may ever lie in RQ


@pytest.fixture(autouse=True)
def _nobody_waits(alone: Flask) -> Iterator[None]:
    clear(alone)
    yield
    clear(alone)


def turn(app: Flask, most: int = MANY, after: str = "", queue: Any = "fast", each: int = MANY) -> Turn:
    with app.app_context():
        return leasing.turn(queue, most, after, each=each)


def whose(turn: Turn) -> list[str | None]:
    return [job.tenant for job in turn.leased]


def test_everybodys_first_job_comes_before_anybodys_second(alone: Flask) -> None:
    add(alone, "t_a", 50, ago=60)
    add(alone, "t_b", 1)
    add(alone, "t_c", 2)
    assert whose(turn(alone, 6)) == ["t_a", "t_b", "t_c", "t_a", "t_c", "t_a"]


def test_a_tenants_own_jobs_go_in_the_order_of_their_times(alone: Flask) -> None:
    for ago in (5, 30, 1, 20):
        add(alone, "t_a", ago=ago)
    ids = [job.id for job in turn(alone).leased]
    in_order = sql(alone, "SELECT id FROM platform.jobs ORDER BY run_at")
    assert ids == [row.id for row in in_order]


def test_who_has_fewest_jobs_out_goes_first(alone: Flask) -> None:
    add(alone, "t_a", 50)
    assert whose(turn(alone, 3)) == ["t_a"] * 3
    add(alone, "t_b", 50)
    assert whose(turn(alone, 9)) == ["t_b"] * 3 + ["t_a", "t_b"] + ["t_a"]


def test_with_room_for_one_job_at_a_time_everybody_has_a_turn(alone: Flask) -> None:
    for tenant in ("t_a", "t_b", "t_c"):
        add(alone, tenant, 50)
    seen, after = list[str | None](), "t_b"
    for _ in range(7):
        found = turn(alone, 1, after)
        after = found.after
        finish(alone, found.leased)
        seen += whose(found)
    assert seen == ["t_c", "t_a", "t_b", "t_c", "t_a", "t_b", "t_c"]


def test_of_many_tenants_each_has_its_turn_before_one_has_two(alone: Flask) -> None:
    tenants = [f"t_{number:03}" for number in range(3 * BATCH + 8)]
    for tenant in tenants:
        add(alone, tenant, 2)
    seen, after = list[str | None](), "t_100"
    for _ in range(4):
        found = turn(alone, MANY, after)
        assert found.more
        after = found.after
        finish(alone, found.leased)
        seen += whose(found)
    assert seen[: len(tenants)] == tenants[101:] + tenants[:101]
    assert len(seen) == 4 * BATCH


def test_a_tenant_whose_jobs_are_all_for_later_takes_nobodys_turn(alone: Flask) -> None:
    passed = turns.HOPS + 200
    add(alone, "t_a", passed, ago=-3600)
    numbered = "SELECT id, 9999 + row_number() OVER () AS number FROM platform.jobs"
    each_its_own = "UPDATE platform.jobs AS job SET tenant = 't_' || number FROM"
    sql(alone, f"{each_its_own} ({numbered}) AS numbered WHERE job.id = numbered.id")
    add(alone, "t_z")
    first = turn(alone)
    assert (whose(first), first.more, first.after) == ([], False, f"t_{9_999 + turns.HOPS}")
    assert whose(turn(alone, after=first.after)) == ["t_z"]


def test_a_row_that_waits_for_no_time_is_in_nobodys_way(alone: Flask) -> None:
    """Nothing of ours writes one; whoever mends rows by hand may."""
    add(alone, "t_a")
    sql(alone, "UPDATE platform.jobs SET due_at = NULL")
    add(alone, "t_b")
    assert whose(turn(alone)) == ["t_b"]


def test_the_platforms_jobs_leave_half_the_room_to_others(alone: Flask) -> None:
    """Mails to a server that hangs are everybody's, and so is the time until a worker is free again."""
    add(alone, None, 100)
    first = turn(alone, 20)
    assert whose(first) == [None] * 10
    assert whose(turn(alone, 20)) == []
    add(alone, "t_a", 20)
    assert whose(turn(alone, 20)) == ["t_a"] * AT_ONCE
    finish(alone, first.leased)
    assert whose(turn(alone, 20)) == [None] * 10  # of those that are out, only what no worker has begun counts


def test_the_platforms_jobs_count_for_several_tenants(alone: Flask) -> None:
    add(alone, None, 50)
    add(alone, "t_a", 50)
    found = turn(alone, 40)
    both: list[str | None] = [None] * turns.WEIGHT + ["t_a"]
    assert whose(found)[: 2 * len(both)] == both * 2
    assert len(found.leased) == 20 + AT_ONCE
    assert len(turn(alone, 40).leased) == 0
    finish(alone, found.leased)
    for number in range(BATCH + 10):
        add(alone, f"t_{number:03}", 5)
    assert whose(turn(alone, 1)) == [None]  # so many tenants that a turn does not look at all of them


@pytest.mark.parametrize(("limits", "most"), [({}, 4), ({"jobs_at_once": 6}, 6), ({"jobs_at_once": 0}, 0)])
def test_no_more_of_a_tenants_jobs_are_out_than_its_plan_allows(
    alone: Flask, limits: dict[str, int], most: int
) -> None:
    tenant = business(alone, limits)
    add(alone, tenant, 20)
    add(alone, tenant, 20, queue="slow")
    first = turn(alone)
    assert whose(first) == [tenant] * most
    assert whose(turn(alone)) == []
    begun = "UPDATE platform.jobs SET state = 'running' WHERE state = 'leased' AND queue = 'fast'"
    sql(alone, begun)
    assert whose(turn(alone)) == []
    assert whose(turn(alone, queue="slow")) == [tenant] * most  # each queue for itself
    finish(alone, first.leased[:1])
    assert whose(turn(alone)) == [tenant] * min(most, 1)


def test_whatever_a_plan_allows_no_more_are_out_than_leave_a_worker_to_others(alone: Flask) -> None:
    tenant = business(alone, {"jobs_at_once": None})
    add(alone, tenant, 20)
    assert whose(turn(alone, each=3)) == [tenant] * 3
    assert whose(turn(alone, each=3)) == []
    add(alone, "t_b", 9)
    assert whose(turn(alone, each=3)) == ["t_b"] * 3


def test_a_tenant_without_a_limit_has_as_many_out_as_there_is_room(alone: Flask) -> None:
    tenant = business(alone, {"jobs_at_once": None})
    add(alone, tenant, 100)
    assert len(turn(alone, 30).leased) == 30
    assert len(turn(alone, 30).leased) == 0
    assert len(turn(alone, 40).leased) == 10


def test_a_paused_queue_hands_nothing_out_and_the_others_do(alone: Flask) -> None:
    for queue in ("fast", "slow"):
        add(alone, "t_a", 2, queue=queue)
        add(alone, None, 1, queue=queue)
    sql(alone, "INSERT INTO platform.job_queues (name, paused_at) VALUES ('fast', now()), ('slow', NULL)")
    assert (whose(turn(alone)), len(turn(alone, queue="slow").leased)) == ([], 3)
    sql(alone, "UPDATE platform.job_queues SET paused_at = NULL")
    assert len(turn(alone).leased) == 3


def test_a_job_that_nobody_here_knows_is_kept_and_says_so(alone: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    add(alone, "t_a", AT_ONCE + 1, name="tests.newer", ago=400)
    add(alone, "t_a", 2)
    first = turn(alone)
    assert (whose(first), first.unknown) == ([], ["tests.newer"])  # they were first, and are out of the way now
    assert [job.name for job in turn(alone).leased] == [KNOWN] * 2
    query = "SELECT state, lease, tries, reason, due_at > now() + interval '90 s' FROM platform.jobs WHERE name = :name"
    kept = [tuple(row) for row in sql(alone, query, name="tests.newer")]
    assert kept == [("waiting", 0, 0, leasing.KEPT, True)] * (AT_ONCE + 1)  # for a quarter of its age
    with alone.app_context():
        leasing.recall()
        assert whose(turn(alone)) == []
        knows(monkeypatch, "tests.newer")
        leasing.recall()
    assert [job.name for job in turn(alone).leased] == ["tests.newer"] * (AT_ONCE - 2)
    assert sql(alone, "SELECT FROM platform.jobs WHERE reason IS NOT NULL") == []


def test_one_that_has_just_become_due_is_left_to_those_who_may_know_it(alone: Flask) -> None:
    add(alone, "t_a", AT_ONCE + 1, name="tests.newer", ago=0)
    add(alone, "t_a", 2, ago=0)
    found = turn(alone)
    assert ([job.name for job in found.leased], found.unknown) == ([KNOWN] * 2, [])
    assert sql(alone, "SELECT FROM platform.jobs WHERE due_at > run_at AND state = 'waiting'") == []


def test_a_row_that_somebody_holds_holds_nobody_else_up(alone: Flask) -> None:
    add(alone, "t_a", 1, ago=60)
    add(alone, "t_b", 3)
    with alone.app_context(), db.engine.connect() as other:
        other.execute(sa.text("SELECT FROM platform.jobs WHERE tenant = 't_a' FOR UPDATE"))
        assert [whose(turn(alone, most)) for most in (1, 2)] == [["t_b"], ["t_b"]]
    assert whose(turn(alone, 3)) == ["t_a"]  # the control


def test_what_is_handed_back_is_first_again_and_its_lease_is_over(alone: Flask) -> None:
    add(alone, "t_a", 1, ago=60)
    add(alone, "t_a", 20)
    (first,) = turn(alone, 1).leased
    with alone.app_context():
        leasing.hand_back([first])
        (again,) = turn(alone, 1).leased
        assert (again.id, again.lease) == (first.id, 2)
        leasing.hand_back([first])  # of the lease that is over
    assert states(alone) == {"waiting": 20, "leased": 1}


def test_only_queues_in_which_something_is_due_are_looked_at(alone: Flask) -> None:
    add(alone, "t_a", 3, queue="slow", ago=-3600)
    assert due(alone) == []
    add(alone, "t_a", 3, queue="slow")
    assert due(alone) == ["slow"]
    add(alone, "t_a", BATCH, queue="slow", ago=60)
    add(alone, "t_b", 1)
    assert due(alone) == ["fast", "slow"]  # though fast's is not among the first


DISPATCHERS, ROUNDS = 4, 6


def test_dispatchers_that_lease_at_the_same_time_keep_to_every_bound(
    alone: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowed(monkeypatch, lambda text: text)
    assert overshoot(alone) == Counter()


def test_control_without_taking_turns_they_pass_the_queues(alone: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant's bound holds all the same, since each finds the same rows of it, and whose they are already."""
    slowed(monkeypatch, lambda text: text.replace("pg_advisory_xact_lock", "concat"))
    assert overshoot(alone)["jobs in the queue"] > 0


def overshoot(app: Flask) -> "Counter[str]":
    """By how many jobs two bounds are passed, all in all. No job is ever handed out twice."""
    beyond, room, tenant = Counter[str](), 11, business(app, {})
    for _ in range(ROUNDS):
        clear(app)
        add(app, tenant, 40)
        add(app, "t_b", 40)
        add(app, None, 40)
        turns = together(*[lambda: turn(app, room)] * DISPATCHERS)
        ids = [job.id for found in turns for job in found.leased]
        assert len(ids) == len(set(ids)) == states(app)["leased"]
        beyond["jobs in the queue"] += max(0, len(ids) - room)
        beyond["jobs of a tenant"] += max(0, [who for found in turns for who in whose(found)].count(tenant) - 4)
    return +beyond


def slowed(monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str]) -> None:
    """Each turn takes so long that all others begin meanwhile."""
    plain = turns.statement

    @cache
    def slow(at_once: Any) -> str:
        return change(plain(at_once)).replace("ORDER BY rank, hop\n", "CROSS JOIN pg_sleep(0.03) ORDER BY rank, hop\n")

    assert slow(None).count("pg_sleep") == 1
    monkeypatch.setattr(turns, "statement", slow)


def due(app: Flask) -> list[str]:
    with app.app_context():
        return list(leasing.due())


def knows(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(leasing.registry._handlers, name, leasing.registry.Handler(name, print))
