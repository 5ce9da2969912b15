"""How much of the table a dispatcher reads in a round: no more where a million jobs have ended and one tenant has many.

What is counted are rows, as the server itself says, and not time.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core.administrator import administrator
from saas.core.jobs import expiry, leasing, turns
from saas.core.jobs.queues import QUEUES
from tests.support import jobs as _registered  # noqa: F401
from tests.support.waiting import KNOWN, add, clear

ENDED, WAITING, OUT = 100_000, 10_000, 20
FEW = 1_000  # rows: of the index and of the table, of those to be leased and of those that are out
# Pages and rows that the server believes the table to have; None: it counts them.
BELIEVED = {"it never looked": (0, -1), "it found nothing": (100, 0), "it found few": (1_000, 500), "it is right": None}
TURN = {
    "queue": "fast",
    "lock": 0,
    "most": 64,
    "each": 64,
    "ours_last": False,
    "after": "",
    "known": [KNOWN],
    "kept": leasing.KEPT,
}

Look = Callable[[Flask], tuple[str, dict[str, Any]]]
LOOKS: dict[str, Look] = {
    "whose turn it is": lambda app: (turns.statement(app.extensions["freehold.jobs_at_once"]), TURN),
    "what is due": lambda _app: (leasing._DUE, {"queues": list(QUEUES)}),
    "whose worker is lost": lambda _app: (expiry._LOST, {"lost": expiry.LOST_TEXT}),
    "what was not heard of": lambda _app: (expiry._IN_DOUBT, {"queues": list(QUEUES)}),
}


@pytest.fixture(scope="module")
def full(alone: Flask) -> Iterator[Flask]:
    """A table in which a tenant has many jobs, others have one each, and most have ended."""
    clear(alone)
    add(alone, "t_a", ENDED, state="done")
    add(alone, "t_a", WAITING, ago=60)
    for number in range(OUT):
        add(alone, f"t_{number:02}", 1)
        add(alone, f"t_{number:02}", 1, state=["leased", "running"][number % 2], ago=-30)
    yield alone
    clear(alone)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("belief", BELIEVED)
def test_a_round_reads_few_rows_however_many_there_are(full: Flask, look: str, belief: str) -> None:
    """Whatever the server's statistics say: they may be of another time."""
    assert rows(full, *LOOKS[look](full), believed=BELIEVED[belief]) < FEW


@pytest.mark.parametrize("without", ["jobs_turn_ix", "the order of the index"])
def test_control_another_way_reads_all_that_wait(full: Flask, without: str) -> None:
    text, values = LOOKS["whose turn it is"](full)
    if without == "jobs_turn_ix":
        assert rows(full, text, values, "DROP INDEX platform.jobs_turn_ix") > WAITING
    else:
        text, values = LOOKS["what is due"](full)
        assert rows(full, text.replace(turns.IN_ORDER, "SET LOCAL enable_indexscan TO off;"), values) > WAITING


def rows(
    app: Flask, statements: str, values: dict[str, Any], before: str = "", *, believed: tuple[int, int] | None = None
) -> int:
    """How many rows the last of these statements looks at; none of them is kept."""
    *settings, asked = statements.split(";")
    with app.app_context(), administrator() as connection:
        if believed is None:
            connection.execute(sa.text("ANALYZE platform.jobs"))
        else:
            connection.execute(_BELIEVE, dict(zip(("pages", "tuples"), believed, strict=True)))
        if before:
            connection.execute(sa.text(before))
        for setting in settings:
            connection.exec_driver_sql(setting, values)
        ((plan,),) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {asked}", values).all()
        connection.rollback()
    return sum(_looked_at(node) for node in _nodes(plan[0]["Plan"]))


_BELIEVE = sa.text("""
    SELECT pg_restore_relation_stats('schemaname', 'platform', 'relname', 'jobs',
        'relpages', CAST(:pages AS int), 'reltuples', CAST(:tuples AS real))
""")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _looked_at(node: dict[str, Any]) -> int:
    if "Relation Name" not in node or node["Node Type"] == "ModifyTable":
        return 0
    missed = sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
    return round((node["Actual Rows"] + missed) * node["Actual Loops"])
