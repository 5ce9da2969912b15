"""A worker that ends with its parent, so that a killed master leaves nobody holding its port or its jobs."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_POLL = 0.5  # seconds


def die_with_parent(parent: int | None = None) -> None:
    """Be killed when the parent dies, even if by SIGKILL. To be called in the worker, from its main thread.

    `parent` is the process id of the parent as the parent itself knew it before the fork; a process that
    multiprocessing started, such as granian's workers, need not give it. Any other process that gives none
    stays as it is: the shell or supervisor it was started from may end long before it should.
    """
    parent = parent or _parent_in_multiprocessing()
    if parent is None:
        return
    if sys.platform == "linux":
        _ask_the_kernel()
    else:
        threading.Thread(target=_watch, args=(parent,), name="die-with-parent", daemon=True).start()
    if os.getppid() != parent:  # it died before the kernel was asked, and no signal will follow
        _die()


def _parent_in_multiprocessing() -> int | None:
    process = multiprocessing.parent_process()
    return process.pid if process else None


def _ask_the_kernel() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"prctl: {os.strerror(number)}")


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL)
    _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
