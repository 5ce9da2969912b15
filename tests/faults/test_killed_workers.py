"""Workers and dispatchers killed with -9: no job is lost, and none has its effect twice."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from saas.core import audit
from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, enqueue
from saas.core.jobs.models import OPEN
from tests.support import jobs
from tests.support.live import Running, eventually
from tests.support.people import unique

DISPATCHER = ("-m", "tests.support.dispatcher")
Tell = Callable[[str, object], None]


def test_a_job_whose_worker_is_killed_in_its_middle_is_done_once(
    app: Flask, running: Running, tmp_path: Path, record_property: Tell
) -> None:
    assert kill_in_the_middle(app, running, tmp_path, "tests.halting") == 1
    tell(record_property, tried=1, faults=1, leaks=0)


def test_control_an_effect_committed_before_its_job_is_done_is_doubled(
    app: Flask, running: Running, tmp_path: Path, record_property: Tell
) -> None:
    assert kill_in_the_middle(app, running, tmp_path, "tests.careless") == 2
    tell(record_property, tried=1, faults=1, control_leaked=1)


def test_a_long_job_whose_worker_is_killed_goes_on_behind_its_last_step(
    app: Flask, running: Running, tmp_path: Path, record_property: Tell
) -> None:
    assert kill_in_the_middle(app, running, tmp_path, "tests.long") == jobs.STEPS
    tell(record_property, tried=1, faults=1, leaks=0)


def test_control_steps_without_a_checkpoint_are_made_again(
    app: Flask, running: Running, tmp_path: Path, record_property: Tell
) -> None:
    doubled = jobs.STEPS - 2  # those that were committed before it was killed in the middle of the last but one
    assert kill_in_the_middle(app, running, tmp_path, "tests.careless.long") == jobs.STEPS + doubled
    tell(record_property, tried=1, faults=1, control_leaked=doubled)


def test_a_lease_that_no_worker_took_up_is_sent_again(app: Flask, running: Running) -> None:
    """As when Redis loses what it had acknowledged, or the dispatcher dies between lease and queue."""
    mark = unique()
    with app.app_context(), transaction():
        job = enqueue("tests.effect", args=[mark])
        lease = {"state": JobState.LEASED, "lease": 1, "due_at": sa.func.now() + sa.text("interval '1 hour'")}
        db.session.execute(sa.update(Job).where(Job.id == job).values(lease))
    with dispatching(running):
        assert state_of(app, mark) == JobState.LEASED  # the control: the lease is respected
        expire_lease(app, mark)
        eventually(lambda: state_of(app, mark) == JobState.DONE)
    assert effects(app, mark) == 1


def test_jobs_wait_for_a_dispatcher_and_for_redis(app: Flask, running: Running, record_property: Tell) -> None:
    marks = [unique() for _ in range(30)]
    with app.app_context(), transaction():
        for mark in marks:
            enqueue("tests.effect", args=[mark])
    killed = 0
    for _ in range(3):
        dispatcher = running.spawn("test-dispatcher", *DISPATCHER)
        eventually(lambda: "dispatcher.started" in running.log("test-dispatcher"))
        dispatcher.kill()
        dispatcher.wait()
        killed += 1
        with app.app_context(), transaction():  # what was leased by the dead one comes back
            db.session.execute(
                sa.update(Job)
                .where(Job.args[0].astext.in_(marks), Job.state == JobState.LEASED)
                .values(due_at=sa.func.now())
            )
    with dispatching(running):
        eventually(lambda: all(state_of(app, mark) == JobState.DONE for mark in marks))
    print(f"dispatchers killed: {killed}")
    assert [effects(app, mark) for mark in marks] == [1] * len(marks)
    tell(record_property, tried=len(marks), faults=killed, leaks=0)


def test_a_stock_rq_worker_runs_our_jobs(app: Flask, running: Running) -> None:
    mark = unique()
    # A stock worker forks for each job and builds the application anew: it gets no more than its one.
    eventually(lambda: open_jobs(app) == 0)
    with app.app_context(), transaction():
        enqueue("tests.effect", args=[mark])
    fast = running.processes["fast"]
    fast.terminate()
    fast.wait()
    with dispatching(running):
        stock = running.spawn("stock", "-m", "rq.cli", "worker", "fast", "--url", running.settings.redis_url)
        eventually(lambda: state_of(app, mark) == JobState.DONE)
        stock.terminate()
        stock.wait()
    assert effects(app, mark) == 1
    assert "tests.effect for platform" in running.log("stock")
    running.spawn("fast", "worker.py", "--queue", "fast")


def tell(record_property: Tell, **figures: int) -> None:
    for name, figure in figures.items():
        record_property(name.replace("_", " "), figure)


def kill_in_the_middle(app: Flask, running: Running, folder: Path, name: str) -> int:
    """Kill the worker while it is inside the job, let the lease end, and count the effects once it is done."""
    mark = unique()
    with app.app_context(), transaction():
        enqueue(name, args=[mark, str(folder)])
    with dispatching(running):
        eventually((folder / "started").exists)
        running.processes["fast"].kill()
        running.processes["fast"].wait()
        (folder / "go").touch()
        running.spawn("fast", "worker.py", "--queue", "fast")
        expire_lease(app, mark)
        eventually(lambda: state_of(app, mark) == JobState.DONE)
    return effects(app, mark)


class dispatching:  # noqa: N801  reads as what happens inside
    def __init__(self, running: Running) -> None:
        self.running = running

    def __enter__(self) -> None:
        self.process = self.running.spawn("test-dispatcher", *DISPATCHER)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


def open_jobs(app: Flask) -> int:
    """What other tests have asked for and no worker has done yet, though it is due, of what the dispatcher knows."""
    mine = sa.and_(Job.queue == "fast", Job.name.not_like("tests.%"), Job.run_at <= sa.func.now())
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).where(mine, Job.state.in_(OPEN))) or 0


def expire_lease(app: Flask, mark: str) -> None:
    """What time would do."""
    with app.app_context(), transaction():
        db.session.execute(sa.update(Job).where(Job.args[0].astext == mark).values(due_at=sa.func.now()))


def state_of(app: Flask, mark: str) -> JobState:
    with app.app_context():
        return db.session.scalars(sa.select(Job.state).where(Job.args[0].astext == mark)).one()


def effects(app: Flask, mark: str) -> int:
    with app.app_context():
        rows = sa.select(sa.func.count()).where(audit.AuditEntry.detail["mark"].astext == mark)
        return db.session.scalar(rows) or 0
