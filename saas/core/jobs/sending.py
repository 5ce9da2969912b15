"""RQ's side of a lease: the message in one of its queues by which a worker hears of the job, and who listens there."""

from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.client import Pipeline
from rq import Queue as Messages
from rq.job import Job as Message

from saas.core.jobs import present, registry
from saas.core.jobs.leasing import Leased
from saas.core.jobs.queues import QUEUES, Queue


class Line:
    """To the workers, over one client."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._queues = {name: Messages(name, connection=redis) for name in QUEUES}

    def send(self, leased: Sequence[Leased]) -> None:
        """All at once; where it fails, some may have arrived."""
        pipe = self._pipeline()
        for name, queue in self._queues.items():
            if messages := [_message(job) for job in leased if job.queue == name]:
                queue.enqueue_many(messages, pipeline=pipe)
        pipe.execute()

    def workers(self) -> dict[Queue, int]:
        """How many live ones each queue has."""
        return present.live(self._redis)

    def lie_there(self, leased: Sequence[Leased]) -> list[tuple[bool, bool]]:
        """Of each message: whether Redis knows it, and whether it waits in its queue."""
        pipe = self._pipeline()
        for job in leased:
            pipe.exists(Message.key_for(_id(job)))
            pipe.lpos(self._queues[job.queue].key, _id(job))
        found = pipe.execute()
        return [(bool(known), place is not None) for known, place in zip(found[::2], found[1::2], strict=True)]

    def _pipeline(self) -> Pipeline:
        return self._redis.pipeline(transaction=False)


def _message(job: Leased) -> Any:
    """RQ shows it under the job's real name, with the tenant in its description and id."""
    return Messages.prepare_data(
        registry.get(job.name).path,
        args=(str(job.id), job.lease),
        timeout=job.limit_seconds,
        result_ttl=0,
        failure_ttl=3600,
        description=f"{job.name} for {_whose(job)}",
        job_id=_id(job),
    )


def _id(job: Leased) -> str:
    return f"{job.name.replace('.', '-')}-{_whose(job)}-{job.id}-{job.lease}"


def _whose(job: Leased) -> str:
    return job.tenant or "platform"
