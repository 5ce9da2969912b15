"""`saas jobs …`: looking at jobs. What is done to them is in `retrying` and `pausing`."""

import json
from datetime import UTC
from typing import Any
from uuid import UUID

import click

from saas.cli.context import application, table
from saas.cli.pausing import drain, pause, resume
from saas.cli.retrying import cancel, dismiss, retry
from saas.cli.watching import watch
from saas.core.jobs import figures, looking, present, searching
from saas.core.jobs.figures import Figures
from saas.core.jobs.looking import Shown
from saas.core.jobs.searching import Cursor, Wanted
from saas.core.settings import current_settings

_COLUMNS = ("id", "name", "state", "tenant", "queue", "tries", "run_at", "says")


@click.group(no_args_is_help=True)
def jobs() -> None:
    """Background jobs; docs/jobs.md tells what the states are.

    Exit status: 0 it is as asked, 1 it is not, which a sentence explains, 2 the command line is wrong.
    """


@jobs.command("list")
@click.option("--state", type=click.Choice(searching.STATES), default=None)
@click.option("--queue", default="", help="Of one queue.")
@click.option("--name", default="", help="Of one name, such as mail.deliver.")
@click.option("--tenant", default="", help="A tenant's id, or `platform` for the platform's own.")
@click.option("--search", default="", help="A job's id, or a part of its name, key, error, message or reason.")
@click.option("--after", default="", help="Go on where the page before ended: its `next`.")
@click.option("--json", "as_json", is_flag=True, help='For programs: {"jobs": […], "next": …}.')
def list_jobs(state: str | None, queue: str, name: str, tenant: str, search: str, after: str, as_json: bool) -> None:
    """Jobs, the newest first, 50 at a time."""
    start = Cursor.read(after)
    if after and start is None:
        raise click.UsageError("--after takes the `next` of a page before, in quotation marks")
    with application():
        page = searching.page(Wanted(state or "", queue, name, tenant, search), start)
        further = str(page.next) if page.next else None
        if as_json:
            click.echo(json.dumps({"jobs": [_told(shown) for shown in page.jobs], "next": further}))
            return
        table(_COLUMNS, [_row(shown) for shown in page.jobs], as_json=False)
        if further:
            cut = f"{searching.LOOKED_AT:,} jobs were looked at. " if page.cut else ""
            click.echo(f"{cut}There may be more: --after '{further}'", err=True)


@jobs.command("show")
@click.argument("job_id", type=click.UUID, metavar="ID")
@click.option("--follow", is_flag=True, help="Only how far it is: a line each time it has come further, to its end.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show_job(job_id: UUID, follow: bool, as_json: bool) -> None:
    """One job, with its timeline."""
    with application():
        if follow:
            watch(job_id, as_json=as_json)
            return
        shown = looking.get(job_id)
        events = [{"at": _time(event.at), "kind": event.kind, "text": event.text} for event in looking.timeline(job_id)]
        if as_json:
            click.echo(json.dumps(_told(shown) | {"timeline": events}))
            return
        for name, value in _told(shown).items():
            if value is not None:
                click.echo(f"{name:14}  {value}")
        for event in reversed(events):
            click.echo(f"{event['at']}  {event['kind']:14}  {event['text']}")


@jobs.command("stats")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def job_stats(as_json: bool) -> None:
    """How the queues do: depth, age, rate, failures, workers; paused schedules, and names that no code here knows."""
    with application():
        workers = present.workers(current_settings().redis_url)
        queues = [_figures(queue, workers) for queue in figures.queues()]
        unknown = [{"name": kind.name, "jobs": kind.jobs} for kind in figures.unknown_kinds()]
        paused = [schedule.name for schedule in looking.timetable() if schedule.paused_at]
    if as_json:
        click.echo(json.dumps({"queues": queues, "unknown": unknown, "paused_schedules": paused}))
        return
    table(tuple(queues[0]), [[_word(value) for value in queue.values()] for queue in queues], as_json=False)
    if workers is None:
        click.echo("Redis does not answer, so that nothing is handed out and the workers can't be counted.", err=True)
    for kind in unknown:
        click.echo(f"Kept, since no code here is called so: {kind['name']} ({kind['jobs']})")
    for name in paused:
        click.echo(f"Paused schedule: {name}")


for command in (retry, cancel, dismiss, pause, resume, drain):
    jobs.add_command(command)


def _told(shown: Shown) -> dict[str, Any]:
    """A job as programs read it; times are in UTC."""
    job = shown.job
    plain = ("name", "tenant", "queue", "args", "key", "tick", "tries", "max_tries", "limit_seconds", "lease")
    progress = ("done", "total", "message", "checkpoint", "cancel_asked", "error", "reason")
    times = ("created_at", "run_at", "due_at", "began_at", "finished_at")
    return {
        "id": str(job.id),
        "state": shown.state,
        "kept_for": shown.kept_for or None,
        "known": shown.known,
        **{name: getattr(job, name) for name in (*plain, *progress)},
        **{name: _time(getattr(job, name)) for name in times},
    }


def _row(shown: Shown) -> list[str]:
    job = shown.job
    says = shown.kept_for or job.reason or job.error or job.message or ""
    tries = f"{job.tries}/{job.max_tries}"
    return [str(job.id), job.name, shown.state, job.tenant or "", job.queue, tries, _time(job.run_at) or "", says]


def _figures(queue: Figures, workers: dict[Any, int] | None) -> dict[str, Any]:
    return {
        "queue": queue.name,
        "paused": queue.paused_at is not None,
        **{state: queue.states.get(state, 0) for state in ("waiting", "leased", "running", "dead")},
        "kept": queue.kept,
        "oldest_seconds": None if queue.oldest is None else round(queue.oldest, 1),
        "done_a_minute": round(queue.done_a_minute, 1),
        "failures_10m": queue.failures,
        "workers": None if workers is None else workers.get(queue.name, 0),
    }


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def _time(at: Any) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds")
