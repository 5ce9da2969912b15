"""`saas jobs retry|cancel|dismiss`; each is in the audit, as done by the system."""

from collections.abc import Callable
from uuid import UUID

import click

from saas.cli import answers
from saas.cli.answers import ACTOR, end
from saas.cli.context import application
from saas.console import jobs
from saas.core.database import transaction
from saas.core.errors import PlatformError
from saas.core.jobs import JobState, steering
from saas.core.jobs.steering import Outcome

_ids = click.argument("ids", nargs=-1, type=click.UUID)
_kind = click.option("--kind", default="", metavar="NAME", help="All dead jobs of this name.")


@click.command()
@_ids
@_kind
@click.option("--all", "everything", is_flag=True, help="Every dead job.")
@answers.why
@answers.as_json
def retry(ids: tuple[UUID, ...], kind: str, everything: bool, reason: str, as_json: bool) -> None:
    """Give dead jobs all their tries again. Exit status 1: one that was named is not dead."""
    _one_of(ids, kind, everything)
    with application(), transaction():
        count = jobs.retry(*ids, actor=ACTOR, reason=reason)
        for name in _kinds(kind, everything):
            count += jobs.retry_kind(name, reason=reason, actor=ACTOR)
    end({"retried": count}, f"{_counted(count)} tried again.", as_json, ok=count >= len(set(ids)))


@click.command()
@click.argument("ids", nargs=-1, type=click.UUID, required=True)
@answers.reason
@answers.as_json
def cancel(ids: tuple[UUID, ...], reason: str, as_json: bool) -> None:
    """Let jobs not run, or not run on. One that runs stops where it next says how far it is.

    Exit status 1: one of them has ended already, or there is no such job.
    """
    _each(ids, lambda job_id: jobs.cancel(job_id, reason=reason, actor=ACTOR).value, as_json)


@click.command()
@_ids
@_kind
@answers.reason
@answers.as_json
def dismiss(ids: tuple[UUID, ...], kind: str, reason: str, as_json: bool) -> None:
    """Let dead jobs be: they are not tried again and no longer count as dead. Exit status 1: one is not dead."""
    _one_of(ids, kind, everything=False)
    if kind:
        with application(), transaction():
            count = jobs.dismiss_kind(kind, reason=reason, actor=ACTOR)
        end({"dismissed": count}, f"{_counted(count)} dismissed.", as_json, ok=True)
    else:
        _each(ids, lambda job_id: _dismissed(job_id, reason), as_json)


def _one_of(ids: tuple[UUID, ...], kind: str, everything: bool) -> None:
    if [bool(ids), bool(kind), everything].count(True) != 1:
        raise click.UsageError("name the jobs by their ids, as `saas jobs list --state dead` shows them, or say --kind")


def _kinds(kind: str, everything: bool) -> list[str]:
    return list(steering.dead_kinds()) if everything else [kind] if kind else []


def _dismissed(job_id: UUID, reason: str) -> str:
    jobs.dismiss(job_id, reason=reason, actor=ACTOR)
    return JobState.DISMISSED.value


def _each(ids: tuple[UUID, ...], act: Callable[[UUID], str], as_json: bool) -> None:
    """One after the other, each by itself: what can't be done to one does not hold up the others."""
    ok, told = True, list[dict[str, str]]()
    with application():
        for job_id in ids:
            try:
                with transaction():
                    told.append({"id": str(job_id), "outcome": _TOLD.get(found := act(job_id), found)})
            except PlatformError as error:
                ok = False
                told.append({"id": str(job_id), "outcome": str(error)})
    end({"jobs": told}, "\n".join(f"{line['id']}  {line['outcome']}" for line in told), as_json, ok=ok)


def _counted(count: int) -> str:
    return "One job is" if count == 1 else f"{count} jobs are"


_TOLD = {Outcome.ASKED.value: "told to stop"}
