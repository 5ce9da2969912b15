"""Processes whose clocks are an hour off, either way: everything happens in its time, which is the database's.

The control is a dispatcher that says to the database what its own clock shows.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
import requests

from saas.core.database import transaction
from saas.core.jobs import enqueue
from saas.core.settings import Settings
from saas.devstack import ports, stack
from saas.devstack.browser import Page
from tests.support import live
from tests.support.killing import ground, jobs
from tests.support.killing.ground import Ground
from tests.support.killing.processes import DISPATCH, FAST, Nursery, until
from tests.support.people import PASSWORD, unique

AHEAD, BEHIND = 3600, -3600  # seconds
WAYS = {"ahead": [AHEAD], "behind": [BEHIND], "either way": [AHEAD, BEHIND]}
IN_TIME, AT_ONCE = 30.0, 3.0  # seconds that a test, and a control, waits for what is due
TICKS = 2  # at least: a job's first comes at once, the next one when it is time
NOW, SOON, LATER, LONG_DUE = "0 s", "1 s", "30 min", "-2 h"  # from now, when jobs are due
TICKLESS = "ticks that did not come"
LOST, HELD = "-1 s", "30 min"  # from now, when leases end
KEPT, SWEPT = "7 days - 30 min", "7 days 30 min"  # how long ago jobs were done: those of seven days are forgotten

# What has not happened yet is not looked at.
_AHEAD = {"expires_at", "until", "due_at", "period_end", "trial_end", "cancel_at", "next_attempt_at"}

Tell = Callable[[str, object], None]


@pytest.fixture(scope="module")
def ready(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    with ground.ready(request.config, settings, tmp_path_factory.mktemp("clocks")) as made:
        yield made


@pytest.fixture(scope="module")
def nurseries(ready: Ground) -> Iterator[dict[int, Nursery]]:
    with ready.nursery(off=AHEAD) as ahead, ready.nursery(off=BEHIND) as behind:
        yield {AHEAD: ahead, BEHIND: behind}


@pytest.mark.parametrize("way", WAYS)
def test_processes_whose_clocks_are_off_do_everything_in_its_time(
    ready: Ground, nurseries: dict[int, Nursery], record_property: Tell, way: str
) -> None:
    faults = work(ready, [nurseries[off] for off in WAYS[way]], IN_TIME)
    assert faults == []
    record_property("tried", 1)
    record_property("faults", 1)
    record_property("leaks", 0)


@pytest.mark.parametrize(
    ("off", "expected"), [(AHEAD, {"not in its time: later", "taken from its worker: held"}), (BEHIND, {"late: now"})]
)
def test_control_a_dispatcher_that_trusts_its_own_clock_is_noticed(
    ready: Ground, nurseries: dict[int, Nursery], record_property: Tell, off: int, expected: set[str]
) -> None:
    faults = work(ready, [nurseries[off]], AT_ONCE, own_clock=True)
    print(faults)
    assert expected <= set(faults)
    record_property("tried", 1)
    record_property("control leaked", len(faults))


def test_control_a_dispatcher_that_adds_no_ticks_is_noticed(
    ready: Ground, nurseries: dict[int, Nursery], record_property: Tell
) -> None:
    faults = work(ready, [nurseries[AHEAD]], AT_ONCE, paused=True)
    print(faults)
    assert TICKLESS in faults
    record_property("tried", 1)
    record_property("control leaked", len(faults))


def test_a_form_of_one_site_is_taken_by_another_whose_clock_is_behind(
    ready: Ground, nurseries: dict[int, Nursery]
) -> None:
    """And what it writes has the database's time."""
    clear(ready)
    behind = ports.free()
    with ExitStack() as ending:
        for off, port in ((AHEAD, ready.port), (BEHIND, behind)):
            ending.callback(nurseries[off].start("web", ["web", str(port)]).kill)
            live.eventually(lambda port=port: stack.is_ready(port))  # type: ignore[misc]
        with closing(requests.Session()) as session:
            headers = {"Host": f"localhost:{ready.port}", "X-Forwarded-For": "10.88.0.1"}
            url = f"http://127.0.0.1:{ready.port}/sign-up"
            form = Page(url, session.get(url, headers=headers, timeout=30)).form("", "business")
            mark = unique()
            names = {"business": "Clocks & Sons", "address": f"shop-{mark}", "email": f"{mark}@example.com"}
            answer = session.post(
                f"http://127.0.0.1:{behind}/sign-up",
                data=form.fields | names | {"password": PASSWORD},
                headers=headers | {"Origin": f"http://{headers['Host']}"},
                cookies=session.cookies.get_dict(),
                allow_redirects=False,
                timeout=30,
            )
    assert answer.status_code == 303, answer.text
    assert askew(ready) == []


def work(
    ready: Ground, nurseries: list[Nursery], patience: float, *, own_clock: bool = False, paused: bool = False
) -> list[str]:
    """Let them dispatch and work; returns what did not happen in the database's time."""
    started, marks = database_time(ready), put(ready)
    if paused:
        schedule = "INSERT INTO platform.job_schedules (name, looked_at, paused_at) VALUES (%s, now(), now())"
        ready.sql(schedule, jobs.TICK)
    with ExitStack() as ending:
        for nursery in nurseries:
            ending.callback(nursery.start("dispatcher", DISPATCH, own_clock=own_clock).kill)
            ending.callback(nursery.start("fast", FAST).kill)
        live.eventually(lambda: ready.done([marks["long due"]]))
        until(lambda: not awaited(ready, marks) and ticks(ready, started) >= TICKS, patience)
        faults = judge(ready, marks)
        faults += [TICKLESS] if ticks(ready, started) < TICKS else []
        faults += ["ticked twice"] if ticked_twice(ready, started) else []
    return [*faults, *askew(ready)]


def put(ready: Ground) -> dict[str, str]:
    """Jobs by what they are for: one is due now, another in half an hour, one's worker was lost, another's was not."""
    clear(ready)
    marks = {name: unique() for name in ("now", "soon", "later", "long due", "lost", "held", "kept", "swept")}
    ready.ask(jobs.KEPT, list(marks.values()))
    change = "UPDATE platform.jobs SET {} WHERE args->>0 = %s"
    for name, due in (("now", NOW), ("soon", SOON), ("later", LATER), ("long due", LONG_DUE)):
        ready.sql(change.format("run_at = now() + %s::interval, due_at = now() + %s::interval"), due, due, marks[name])
    for name, end in (("lost", LOST), ("held", HELD)):
        out = "state = 'running', tries = 1, lease = 1, began_at = now(), due_at = now() + %s::interval"
        ready.sql(change.format(out), end, marks[name])
    for name, ago in (("kept", KEPT), ("swept", SWEPT)):
        ready.sql(change.format("state = 'done', due_at = NULL, finished_at = now() - %s::interval"), ago, marks[name])
    with ready.app.app_context(), transaction():
        enqueue("core.sweep", queue="fast")
    return marks


def clear(ready: Ground) -> None:
    """A control leaves times that are off."""
    ready.sql("DELETE FROM platform.jobs; DELETE FROM platform.job_schedules")


def judge(ready: Ground, marks: dict[str, str]) -> list[str]:
    states = ready.states(list(marks.values()))
    found = {name: states.get(mark) for name, mark in marks.items()}
    faults = awaited(ready, marks)
    faults += ["not in its time: later"] if found["later"] != "waiting" else []
    faults += ["taken from its worker: held"] if found["held"] != "running" else []
    return faults + (["forgotten too early: kept"] if found["kept"] is None else [])


def awaited(ready: Ground, marks: dict[str, str]) -> list[str]:
    """What has not happened yet, though it is time."""
    states = ready.states(list(marks.values()))
    late = [f"late: {name}" for name in ("now", "soon", "lost") if states[marks[name]] != "done"]
    return late + (["not forgotten: swept"] if marks["swept"] in states else [])


def ticks(ready: Ground, since: Any) -> int:
    counted = "SELECT count(*) FROM platform.jobs WHERE name = %s AND created_at >= %s"
    return int(ready.sql(counted, jobs.TICK, since)[0][0])


def ticked_twice(ready: Ground, since: Any) -> bool:
    """Whether there are more ticks than seconds."""
    ((seconds,),) = ready.sql("SELECT extract(epoch FROM now() - %s)", since)
    return ticks(ready, since) > int(seconds) + 2


def askew(ready: Ground) -> list[str]:
    """Columns with times that are an hour off, though all that is there has just been written."""
    columns = ready.sql(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'platform' AND data_type = 'timestamp with time zone'"
    )
    past = [(table, column) for table, column in columns if column not in _AHEAD]
    return [f"an hour off: {table}.{column}" for table, column in past if hour_off(ready, table, column)]


def hour_off(ready: Ground, table: str, column: str) -> int:
    minutes = f"abs(extract(epoch FROM {column} - now())) / 60"
    # An hourly job's time is the beginning of the hour.
    those = f"name = '{jobs.TICK}'" if (table, column) == ("jobs", "run_at") else "true"
    ((number,),) = ready.sql(f"SELECT count(*) FROM platform.{table} WHERE {minutes} BETWEEN 50 AND 70 AND {those}")
    return int(number)


def database_time(ready: Ground) -> Any:
    return ready.sql("SELECT now()")[0][0]
