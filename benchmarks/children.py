"""A process of a benchmark's own, that is told what to do over a pipe."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any


@contextmanager
def running(target: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """Yields our end of the pipe; `target` is called with its own and the arguments, and killed at the end.

    What is asked of one that has ended raises EOFError.
    """
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()  # or nobody would hear of the process' end
    try:
        yield ours
    finally:
        process.kill()
        process.join()
