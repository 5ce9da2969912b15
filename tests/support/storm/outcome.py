"""What a storm has left behind, counted from outside."""

from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from saas.core.database import db
from tenants.usage import flows
from tests.support.storm import faults
from tests.support.storm.asks import KINDS
from tests.support.storm.crowd import Business, marks
from tests.support.storm.faults import Superuser
from tests.support.storm.run import EVERY_FAULT, THREADS, Asked


@dataclass
class Outcome:
    """What a storm has left, as the superuser sees it, beside what it was told."""

    requests: int
    good: int
    unasked: int  # failures without a fault of ours, as on a machine that is too busy
    wrong_rows: int  # of another tenant, in an answer
    empty: int  # answers without the tenant's own row
    misplaced: int  # rows in a table of another tenant
    lost: int  # writes that were said to be done, and are not
    half: int  # writes that were said to have failed, and are there; or jobs done without their row, or the reverse
    miscounted: int  # tenants whose counted records are not those that are there
    faults: Counter[str]
    wrong: list[Asked] = field(default_factory=list)

    @property
    def leaks(self) -> int:
        return self.wrong_rows + self.empty + self.misplaced

    def __str__(self) -> str:
        figures = {name: value for name, value in vars(self).items() if name not in {"faults", "wrong"}}
        hits = ", ".join(f"{kind} {self.faults[kind]}" for kind in EVERY_FAULT)
        first = "".join(f"\n  {asked.kind} of {asked.who.id} shows {sorted(asked.wrong)}" for asked in self.wrong[:5])
        return f"{figures}\nfaults: {hits}{first}"


def judge(planned: list[Asked], crowd: list[Business], superuser: Superuser) -> Outcome:
    rows = {table: _rows(superuser, crowd, table) for table in ("things", "bulk")}
    sure = [(asked, asked.stored, _there(asked, rows)) for asked in planned if KINDS[asked.kind].writes]
    wrong = [asked for asked in planned if asked.wrong or asked.empty]
    return Outcome(
        requests=len(planned),
        good=sum(asked.answer.good for asked in planned),
        unasked=sum(asked.answer.status in {0, 422, 500, 503} and asked.unharmed for asked in planned),
        wrong_rows=sum(len(asked.wrong) for asked in planned),
        empty=sum(asked.empty for asked in planned),
        misplaced=sum(marks(title) != {id_} for found in rows.values() for id_, title in found),
        lost=sum(stored is True and there != 1 for _, stored, there in sure),
        half=sum(stored is False and there != 0 for _, stored, there in sure) + _half_jobs(superuser, crowd),
        miscounted=_miscounted(superuser, crowd, rows["things"]),
        faults=faults.count([asked.fault for asked in planned if asked.fault]),
        wrong=wrong,
    )


def _rows(superuser: Superuser, crowd: list[Business], table: str) -> list[Any]:
    each = (f"SELECT '{who.id}' AS id, title FROM \"{who.id}\".{table}" for who in crowd)
    return superuser.ask(" UNION ALL ".join(each))


def _there(asked: Asked, rows: dict[str, list[Any]]) -> int:
    title = asked.who.title(asked.serial)
    return rows[KINDS[asked.kind].writes].count((asked.who.id, title))


def _half_jobs(superuser: Superuser, crowd: list[Business]) -> int:
    """A job and its effect are one commit: done if and only if its row is there."""
    each = (
        f"SELECT count(*) FROM platform.jobs WHERE tenant = '{who.id}' AND name = 'tests.storm' AND (state = 'done')"
        f' <> EXISTS (SELECT 1 FROM "{who.id}".things WHERE title = args ->> 0)'
        for who in crowd
    )
    return sum(count for (count,) in superuser.ask(" UNION ALL ".join(each)))


def _miscounted(superuser: Superuser, crowd: list[Business], things: list[Any]) -> int:
    counted = dict(superuser.ask("SELECT tenant, used FROM platform.usage WHERE resource = 'records'"))
    there = Counter(id_ for id_, _title in things)
    return sum(counted[who.id] != there[who.id] for who in crowd)


def left_behind(app: Flask) -> list[str]:
    """What is set on the application's connections, of which nobody is to have kept one; empty: nothing."""
    look = "SELECT current_user, current_setting('search_path') WHERE current_user <> session_user"
    look += " OR current_setting('search_path') NOT LIKE '%%public%%'"
    with app.app_context(), ExitStack() as opened:
        write_down_calls(app)
        kept = [f"{n} connections kept"] if (n := db.engine.pool.checkedout()) else []  # type: ignore[attr-defined]
        for _ in range(THREADS):
            connection = opened.enter_context(db.engine.connect())
            kept += [str(row) for row in connection.exec_driver_sql(look)]
            connection.rollback()  # behind PgBouncer there are fewer than these
        return kept


def write_down_calls(app: Flask) -> None:
    """So that no thread does it later; the first try may meet a connection that a fault has ended."""
    for _ in range(2 * THREADS):
        with suppress(SQLAlchemyError):
            return flows.of(app).flush()
    raise AssertionError("the calls can't be written down")


def forget_calls(app: Flask) -> None:
    """A control's connections are somebody's, who may not write them down."""
    flows.of(app)._counts.clear()
