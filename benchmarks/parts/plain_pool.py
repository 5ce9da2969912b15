"""RQ's own pool of two workers, as it comes: `python -m benchmarks.parts.plain_pool REDIS_URL`."""

import sys

from redis import Redis
from rq import SimpleWorker
from rq.worker_pool import WorkerPool

QUEUE, WORKERS = "plain", 2


def nothing(_number: int) -> None:
    """As quick as a job can be."""


if __name__ == "__main__":
    redis = Redis.from_url(sys.argv[1])
    WorkerPool([QUEUE], redis, WORKERS, worker_class=SimpleWorker).start(logging_level="INFO")
