"""A worker that is quicker to beat, to give up on Redis and to kill: `python -m tests.support.worker --queue fast`.

With `--alone` as its first word the process that does the jobs runs without the one that supervises it; with
`--impatient` that one takes three seconds of silence for hanging.
"""

import functools
import sys

from saas.app import create_app
from saas.cli import work, working
from saas.core.jobs import bookkeeping, supervisor
from saas.core.jobs.board import Board
from saas.core.jobs.bounds import Bounds
from saas.core.jobs.supervisor import Work


def alone(_app: object, do: Work, *_: object) -> None:
    do(Board())


if __name__ == "__main__":
    bookkeeping.APART = 0.5
    bookkeeping.TRIP = 2
    bounds = {"over": 0.5}
    match sys.argv[1]:
        case "--alone":
            supervisor.run = alone  # type: ignore[assignment]
            del sys.argv[1]
        case "--impatient":
            bounds["stuck"] = 3.0
            del sys.argv[1]
    working.Bounds = functools.partial(Bounds, **bounds)  # type: ignore[assignment,misc]
    work(obj=create_app)
