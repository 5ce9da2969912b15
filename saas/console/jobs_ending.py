"""Cancelling and dismissing a job; trying again or dismissing all dead jobs of a name."""

from collections.abc import Callable, Sequence
from uuid import UUID

from saas.console import jobs
from saas.console.actions import Change
from saas.console.jobs_actions import JobAction
from saas.core.errors import NotFound
from saas.core.jobs import Job, JobState, figures, looking
from saas.core.jobs.figures import Kind
from saas.core.jobs.looking import NoSuchJob, Shown
from saas.core.jobs.steering import Outcome

_LONGEST_NAME = Job.name.type.length or 0


def _job(subject: str) -> Shown:
    try:
        return looking.get(UUID(subject))
    except ValueError:
        raise NoSuchJob from None


def _dead(subject: str) -> Kind:
    """None is dead any more after a first click, so that is no error."""
    if len(subject) > _LONGEST_NAME:
        raise NotFound("No job has such a long name.")
    return figures.kind(JobState.DEAD, subject)


def _cancel(shown: Shown, reason: str, actor: str) -> str:
    if jobs.cancel(shown.job.id, reason=reason, actor=actor) is Outcome.ASKED:
        return "The job runs: it is told to stop where it next says how far it is."
    return "The job is cancelled."


def _dismiss(shown: Shown, reason: str, actor: str) -> str:
    jobs.dismiss(shown.job.id, reason=reason, actor=actor)
    return "The job is dismissed."


def _retry_kind(kind: Kind, reason: str, actor: str) -> str:
    return f"{_jobs(jobs.retry_kind(kind.name, reason=reason, actor=actor))} tried again."


def _dismiss_kind(kind: Kind, reason: str, actor: str) -> str:
    return f"{_jobs(jobs.dismiss_kind(kind.name, reason=reason, actor=actor))} dismissed."


def _jobs(count: int) -> str:
    return "One job is" if count == 1 else f"{count:,} jobs are"


def _cancelling(shown: Shown) -> Sequence[Change]:
    return _of_one(shown, "Told to stop" if shown.job.state == JobState.RUNNING else "Cancelled")


def _dismissing(shown: Shown) -> Sequence[Change]:
    return _of_one(shown, "Dismissed")


def _of_one(shown: Shown, after: str) -> Sequence[Change]:
    return [Change(f"{shown.job.name} {shown.job.id}", shown.state.capitalize(), after)]


def _of_kind(after: str) -> Callable[[Kind], Sequence[Change]]:
    return lambda kind: [Change(f"Dead jobs called {kind.name}: {kind.jobs:,}", "Dead", after)]


ACTIONS = (
    JobAction(
        "cancel",
        "Cancel",
        "A job that waits does not run. One that runs is told to stop; what it has stored up to there stays.",
        _job,
        "console.job",
        lambda shown: shown.open and not shown.job.cancel_asked,
        _cancelling,
        _cancel,
        harsh=True,
    ),
    JobAction(
        "dismiss",
        "Dismiss",
        "It is not tried again and no longer counts as dead. Its error and timeline are kept for 30 days.",
        _job,
        "console.job",
        lambda shown: shown.job.state == JobState.DEAD,
        _dismissing,
        _dismiss,
        harsh=True,
    ),
    JobAction(
        "retry-kind",
        "Try all again",
        "Each of them gets all its tries again, at once. One with the key of a job that waits or runs stays dead.",
        _dead,
        "console.job_queues",
        lambda kind: kind.jobs > 0,
        _of_kind("Waiting"),
        _retry_kind,
    ),
    JobAction(
        "dismiss-kind",
        "Dismiss all",
        "None of them is tried again or counts as dead any more. Errors and timelines are kept for 30 days.",
        _dead,
        "console.job_queues",
        lambda kind: kind.jobs > 0,
        _of_kind("Dismissed"),
        _dismiss_kind,
        harsh=True,
    ),
)
