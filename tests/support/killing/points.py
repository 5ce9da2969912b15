"""Crash points by name, around each step that a job takes: a process kills itself there, with -9, or stops itself.

The code under test knows nothing of them: they are put around it in a process that the tests start, which dies of one.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flask
import redis
import sqlalchemy as sa
from redis.client import Pipeline
from sqlalchemy.engine.default import DefaultDialect

from saas.core.database import db
from saas.core.jobs import leasing, registry, schedules, worker
from tests.support.killing import jobs
from tests.support.killing.fates import (
    ACKNOWLEDGE,
    CALL,
    COMMIT,
    DISPATCHER,
    EFFECT,
    ENQUEUE,
    LEASE,
    PICK_UP,
    REQUEST,
    TICKING,
    WORKER,
    Doom,
    Fate,
)

_WAITING = "SELECT FROM platform.jobs WHERE state = 'waiting' AND due_at <= now() AND name LIKE 'storm.%' LIMIT 1"
_TAKES = {"LMOVE", "BLMOVE", "LPOP", "BLPOP", "RPOPLPUSH", "BRPOPLPUSH"}


def install(fate: Fate, ledger: str) -> None:
    """From now on in this process, and in those that it forks."""
    doom = Doom(fate, ledger)
    if fate.point in DISPATCHER:
        _around_leases(doom)
        _around_sending(doom)
    elif fate.point == TICKING:
        _behind_ticks(doom)
    elif fate.point in WORKER:
        at = _At()
        _around_taking(doom)
        _around_handlers(doom, at)
        _around_commits(doom, lambda: (COMMIT, at.committing))
        _around_acknowledging(doom, at)
    else:
        _around_commits(doom, lambda: (REQUEST, _asked()))


@dataclass
class _At:
    """The job whose effect has just happened, until it is acknowledged."""

    committing: str | None = None


def _around_leases(doom: Doom) -> None:
    turn = leasing.turn

    def turning(*arguments: Any, **named: Any) -> leasing.Turn:
        if doom.fate.point == LEASE[0] and db.session.execute(sa.text(_WAITING)).first() is not None:
            doom.reach(LEASE[0])
        found = turn(*arguments, **named)
        for job in found.leased:
            doom.reach(LEASE[1], job.name)
        return found

    leasing.turn = turning


def _around_sending(doom: Doom) -> None:
    execute = Pipeline.execute

    def executing(self: Any, *arguments: Any, **named: Any) -> Any:
        pushes = any(command[0][0] in {"RPUSH", "LPUSH"} for command in self.command_stack)
        if not pushes:
            return execute(self, *arguments, **named)
        doom.reach(ENQUEUE[0])
        answer = execute(self, *arguments, **named)
        doom.reach(ENQUEUE[1])
        return answer

    Pipeline.execute = executing  # type: ignore[method-assign]


def _behind_ticks(doom: Doom) -> None:
    add = schedules._add

    def adding(handler: registry.Handler, *arguments: Any, **named: Any) -> int:
        added = add(handler, *arguments, **named)
        if added:
            doom.reach(TICKING, handler.name)
        return added

    schedules._add = adding
    if doom.fate.patient:
        schedules._IMPATIENT = sa.text("SELECT")


def _around_taking(doom: Doom) -> None:
    execute = redis.Redis.execute_command

    def executing(self: Any, *arguments: Any, **options: Any) -> Any:
        if arguments[0] not in _TAKES:
            return execute(self, *arguments, **options)
        if doom.fate.point == PICK_UP[0] and execute(self, "LLEN", arguments[1]):
            doom.reach(PICK_UP[0])
        found = execute(self, *arguments, **options)
        if found is not None:
            doom.reach(PICK_UP[1])
        return found

    redis.Redis.execute_command = executing  # type: ignore[method-assign]


def _around_handlers(doom: Doom, at: _At) -> None:
    for handler in registry.handlers():
        if handler.name in jobs.KINDS:
            object.__setattr__(handler, "outside", _around(doom, CALL, handler.name, handler.outside))
            effect = _around(doom, EFFECT, handler.name, handler.effect)
            object.__setattr__(handler, "effect", _then_committing(effect, handler.name, at))


def _around(doom: Doom, points: tuple[str, str], name: str, call: Any) -> Callable[..., Any]:
    @functools.wraps(call)
    def calling(*arguments: Any) -> Any:
        doom.reach(points[0], name)
        answer = call(*arguments)
        doom.reach(points[1], name)
        return answer

    return calling


def _then_committing(effect: Callable[..., Any], name: str, at: _At) -> Callable[..., Any]:
    @functools.wraps(effect)
    def having_effect(*arguments: Any) -> None:
        at.committing = None
        effect(*arguments)
        at.committing = name

    return having_effect


def _around_commits(doom: Doom, current: Callable[[], tuple[tuple[str, str], str | None]]) -> None:
    plain = DefaultDialect.do_commit

    def do_commit(dialect: DefaultDialect, connection: Any) -> None:
        (before, after), job = current()
        if job is not None:
            doom.reach(before, job)
        plain(dialect, connection)
        if job is not None:
            doom.reach(after, job)

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


def _around_acknowledging(doom: Doom, at: _At) -> None:
    acknowledge = worker._Worker.handle_job_success

    def acknowledging(self: Any, *arguments: Any, **named: Any) -> None:
        job, at.committing = at.committing, None
        if job is not None:
            doom.reach(ACKNOWLEDGE[0], job)
        acknowledge(self, *arguments, **named)
        if job is not None:
            doom.reach(ACKNOWLEDGE[1], job)

    worker._Worker.handle_job_success = acknowledging


def _asked() -> str | None:
    """What a request that writes is for: a sign-up, or a job of this name."""
    if not flask.has_request_context() or flask.request.method != "POST":
        return None
    path = flask.request.path
    return path.split("/")[2] if path.startswith("/storm/") else "sign-up" if path == "/sign-up" else None
