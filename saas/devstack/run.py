"""`./dev run`: start everything, say where it is, and stop it all at Ctrl-C or when a part of it dies."""

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from types import FrameType

import click

from saas.devstack import ports, processes, state, summary
from saas.devstack.errors import PortBusyError
from saas.devstack.stack import Stack, ended

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(port: int) -> int:
    """Run the stack in the foreground; returns the exit status. Raises DevstackError when it can't start."""
    stack = Stack(state.here(), port)
    with stack.state.locked() as lock, _signals_interrupt():
        processes.hold(lock.fileno())
        if ports.is_busy(port):
            raise PortBusyError(f"Port {port} is in use: stop what listens there, or give another with --port.")
        try:
            _start(stack)
            return _watch(stack)
        except KeyboardInterrupt:
            click.echo("Stopping …")
            return 0
        finally:
            _ignore_signals()
            stack.stop()


def _start(stack: Stack) -> None:
    began = time.monotonic()
    click.echo("Starting …")
    stack.start_services()
    demo = json.loads(stack.start_platform().strip().splitlines()[-1])
    click.echo(summary.text(stack, demo, time.monotonic() - began))
    stack.send("demo-live", "-m", "saas.app", "demo", "live", administrator=True)


def _watch(stack: Stack) -> int:
    while not (child := stack.dead()):
        if failed := stack.failed_errand():
            click.echo(
                f"Everything runs, but the demo is not complete: the next start goes on with it.\n{ended(failed)}"
            )
        time.sleep(0.2)
    click.echo(ended(child), err=True)
    return 1


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """A closed terminal and a `kill` end the stack in order, as Ctrl-C does."""
    before = {number: signal.signal(number, _interrupt) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """Stopping takes a moment and ends by itself: a second Ctrl-C would only cut it short."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
