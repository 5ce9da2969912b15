"""Pausing queues and schedules, and letting them go on."""

from collections.abc import Sequence

from saas.console import jobs
from saas.console.actions import Change
from saas.console.jobs_actions import JobAction
from saas.core.errors import NotFound
from saas.core.jobs import JobState, figures, looking
from saas.core.jobs.figures import Figures
from saas.core.jobs.looking import Schedule
from saas.core.jobs.queues import QUEUES


def _queue(subject: str) -> Figures:
    if subject not in QUEUES:
        raise NotFound(f"There is no queue of this name; there are {', '.join(QUEUES)}.")
    return next(queue for queue in figures.queues() if queue.name == subject)


def _schedule(subject: str) -> Schedule:
    found = (schedule for schedule in looking.timetable() if schedule.name == subject and schedule.handler)
    if (schedule := next(found, None)) is None:
        raise NotFound("No periodic job has this name.")
    return schedule


def _pause(queue: Figures, reason: str, actor: str) -> str:
    jobs.pause_queue(queue.name, reason=reason, actor=actor)
    return f"The queue {queue.name} is paused."


def _resume(queue: Figures, reason: str, actor: str) -> str:
    jobs.resume_queue(queue.name, reason=reason, actor=actor)
    return f"The queue {queue.name} goes on."


def _pause_schedule(schedule: Schedule, reason: str, actor: str) -> str:
    jobs.pause_schedule(schedule.name, reason=reason, actor=actor)
    return f"{schedule.name} is paused."


def _resume_schedule(schedule: Schedule, reason: str, actor: str) -> str:
    jobs.resume_schedule(schedule.name, reason=reason, actor=actor)
    return f"{schedule.name} goes on."


def _pausing(queue: Figures) -> Sequence[Change]:
    return [Change(_waiting(queue), "Handed out", "Kept until somebody resumes it")]


def _resuming(queue: Figures) -> Sequence[Change]:
    return [Change(_waiting(queue), "Kept", "Handed out")]


def _waiting(queue: Figures) -> str:
    return f"Queue {queue.name}, {queue.states.get(JobState.WAITING, 0):,} waiting"


def _pausing_schedule(schedule: Schedule) -> Sequence[Change]:
    return [Change(schedule.name, schedule.when.capitalize(), "Paused")]


def _resuming_schedule(schedule: Schedule) -> Sequence[Change]:
    each = schedule.handler is not None and schedule.handler.missed == "catch_up"
    missed = "each time that was missed is made up for" if each else "the last time that was missed is made up for"
    return [Change(schedule.name, "Paused", f"{schedule.when.capitalize()}; {missed}")]


ACTIONS = (
    JobAction(
        "pause-queue",
        "Pause",
        "No more of its jobs are handed out. What workers have already got is done.",
        _queue,
        "console.job_queues",
        lambda queue: queue.paused_at is None,
        _pausing,
        _pause,
        harsh=True,
    ),
    JobAction(
        "resume-queue",
        "Resume",
        "Its jobs are handed out again, the tenants in turn.",
        _queue,
        "console.job_queues",
        lambda queue: queue.paused_at is not None,
        _resuming,
        _resume,
    ),
    JobAction(
        "pause-schedule",
        "Pause",
        "It adds no more jobs. Those that it has added are done.",
        _schedule,
        "console.job_schedules",
        lambda schedule: schedule.paused_at is None,
        _pausing_schedule,
        _pause_schedule,
        harsh=True,
    ),
    JobAction(
        "resume-schedule",
        "Resume",
        "It adds jobs again.",
        _schedule,
        "console.job_schedules",
        lambda schedule: schedule.paused_at is not None,
        _resuming_schedule,
        _resume_schedule,
    ),
)
