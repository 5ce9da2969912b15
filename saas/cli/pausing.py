"""`saas jobs pause|resume|drain`; each is in the audit, as done by the system."""

import time
from typing import Any

import click

from saas.cli import answers
from saas.cli.answers import ACTOR, end
from saas.cli.context import application
from saas.console import jobs
from saas.core.database import transaction
from saas.core.jobs import leasing, looking, schedules
from saas.core.jobs.queues import QUEUES, Queue

_APART = 0.5  # seconds between two looks at a queue that drains


@click.command()
@click.argument("name")
@answers.why
@answers.as_json
def pause(name: str, reason: str, as_json: bool) -> None:
    """Hand out no more jobs of the queue NAME, or add no more by the schedule NAME. What workers have got is done."""
    with application(), transaction():
        change = jobs.pause_queue if _is_queue(name) else jobs.pause_schedule
        changed = change(name, reason=reason, actor=ACTOR)
    told = f"{name} is paused." if changed else f"{name} was paused already."
    end({"name": name, "paused": True, "changed": changed}, told, as_json, ok=True)


@click.command()
@click.argument("name")
@answers.why
@answers.as_json
def resume(name: str, reason: str, as_json: bool) -> None:
    """Let the queue or schedule NAME go on."""
    with application(), transaction():
        change = jobs.resume_queue if _is_queue(name) else jobs.resume_schedule
        changed = change(name, reason=reason, actor=ACTOR)
    told = f"{name} goes on." if changed else f"{name} was not paused."
    end({"name": name, "paused": False, "changed": changed}, told, as_json, ok=True)


@click.command()
@click.argument("queue", type=click.Choice(QUEUES))
@click.option("--wait", "seconds", type=click.FloatRange(0, 86_400), default=60.0, show_default=True, metavar="SECONDS")
@answers.why
@answers.as_json
def drain(queue: Queue, seconds: float, reason: str, as_json: bool) -> None:
    """Pause a queue, and wait until its workers have nothing left. It stays paused: `saas jobs resume`.

    Exit status 1: some jobs were still out when the time was over; they are listed.
    """
    until = time.monotonic() + seconds
    with application():
        with transaction():
            jobs.pause_queue(queue, reason=reason, actor=ACTOR)
        leasing.caught_up(queue)
        while (out := _out(queue)) and time.monotonic() < until:
            time.sleep(_APART)
    lines = [f"{job['id']}  {job['name']}  {job['state']}" for job in out]
    told = "\n".join([*lines, f"{queue} is paused; these are still out."]) if out else f"{queue} is paused and empty."
    end({"queue": queue, "out": out}, told, as_json, ok=not out)


def _is_queue(name: str) -> bool:
    """False for a schedule."""
    if name in QUEUES:
        return True
    periodic = [handler.name for handler in schedules.periodic()]
    if name in periodic:
        return False
    known = f"Queues: {', '.join(QUEUES)}. Schedules: {', '.join(periodic)}."
    raise click.UsageError(f"there is no queue or schedule called {name}. {known}")


def _out(queue: str) -> list[dict[str, Any]]:
    """In a transaction of its own, so that each look sees what is so then."""
    with transaction():
        return [{"id": str(job.id), "name": job.name, "state": job.state.value} for job in looking.out(queue)]
