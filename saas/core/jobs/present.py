"""Which workers are there. Each says in Redis until when it counts, in seconds of the Redis server's clock."""

from typing import TYPE_CHECKING

from saas.core.jobs.queues import QUEUES, Queue

if TYPE_CHECKING:
    from redis import Redis

BEATS = "fh:workers:{}"  # of a queue, a sorted set: its workers' names, by the time until which each counts as live

_REGISTERED = "rq:workers:{}"  # RQ's own: the keys of its workers, also of those that were killed
_KEY = b"rq:worker:"  # followed by a worker's name; what it tells of itself there expires
_PATIENCE = 1.0  # seconds


def workers(url: str) -> dict[Queue, int] | None:
    """How many there are for each queue; None when Redis does not answer within a second or two."""
    # Web processes need no Redis but for this.
    from redis import Redis
    from redis.exceptions import RedisError

    try:
        with Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE) as redis:
            return live(redis)
    except (RedisError, OSError):
        return None


def live(redis: "Redis") -> dict[Queue, int]:
    """How many each queue has: ours by their beats, RQ's own as they have registered. Takes one trip."""
    asked = redis.pipeline(transaction=False)
    asked.time()
    for queue in QUEUES:
        asked.zrange(BEATS.format(queue), 0, -1, withscores=True)
        asked.sort(_REGISTERED.format(queue), by="nosort", get=["#", "*->state"], groups=True)
    (now, _), *found = asked.execute()
    return {
        queue: _count(now, dict(beats), registered)
        for queue, beats, registered in zip(QUEUES, found[::2], found[1::2], strict=True)
    }


def _count(now: int, beats: dict[bytes, float], registered: list[tuple[bytes, bytes | None]]) -> int:
    """Ours register with RQ as well."""
    stock = {key.removeprefix(_KEY) for key, state in registered if state is not None}
    return sum(until >= now for until in beats.values()) + len(stock - beats.keys())
