"""The entry point of the background processes."""

import time
from pathlib import Path

import click
from flask import Flask

from saas.cli.context import build, told
from saas.core.jobs.bounds import MIB, Bounds
from saas.core.jobs.pulse import Pulse
from saas.core.jobs.queues import QUEUES
from saas.core.settings import load
from tenants.isolation import enforcement

_ASK_AGAIN = 2.0  # seconds


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("task", type=click.Choice(["dispatch", "work"]), default="work")
@click.option("--queue", type=click.Choice(QUEUES), help="The one queue to work on.")
@click.option(
    "--grace",
    type=click.FloatRange(min=2),
    default=Bounds.grace,
    show_default=True,
    help="Seconds from SIGTERM until a worker is gone; a job that takes longer is handed back.",
)
@click.option(
    "--memory",
    type=click.IntRange(min=256),
    default=Bounds.memory // MIB,
    show_default=True,
    help="MiB of a worker's process, beyond which it is killed; beyond three quarters it is replaced.",
)
@click.option(
    "--age",
    type=click.FloatRange(min=1),
    default=Bounds.age,
    show_default=True,
    help="Seconds after which a worker's process is replaced.",
)
@click.option(
    "--pulse",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Touch this file all the while; a probe looks at its age.",
)
def work(task: str, queue: str | None, grace: float, memory: int, age: float, pulse: Path | None) -> None:
    """Run the dispatcher, or a worker on one queue, until SIGTERM."""
    if task == "work" and queue is None:
        raise click.UsageError("say which queue: `python worker.py --queue fast`, or `python worker.py dispatch`")
    with told():
        settings = load()
        app = build(settings)
        _await_database(app, pulse)
        # Neither RQ nor its Redis client is of use to the other commands, and they take a while to import.
        if queue:
            from saas.core.jobs import supervisor, worker

            bounds = Bounds(grace=grace, memory=memory * MIB, age=age)
            supervisor.run(app, worker.work(app, settings.redis_url, queue, bounds), bounds, pulse)
        else:
            from saas.core.jobs import dispatcher

            dispatcher.run(app, dispatcher.connect(settings.redis_url), pulse)


def _await_database(app: Flask, pulse: Path | None) -> None:
    """Production does no job before it has seen what the database enforces. Raises Unenforced."""
    beating = Pulse(pulse)
    while not enforcement.require(app):
        beating.beat()
        time.sleep(_ASK_AGAIN)
