"""The entry point of the background processes."""

import time
from pathlib import Path

import click
from flask import Flask

from saas.cli.context import build, told
from saas.core.jobs.pulse import Pulse
from saas.core.settings import load
from tenants.isolation import enforcement

_ASK_AGAIN = 2.0  # seconds


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("task", type=click.Choice(["dispatch", "work"]), default="work")
@click.option("--queue", type=click.Choice(["fast", "slow"]), help="The one queue to work on.")
@click.option(
    "--pulse",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Touch this file all the while; a probe looks at its age.",
)
def work(task: str, queue: str | None, pulse: Path | None) -> None:
    """Run the dispatcher, or a worker on one queue, until SIGTERM."""
    if task == "work" and queue is None:
        raise click.UsageError("say which queue: `python worker.py --queue fast`, or `python worker.py dispatch`")
    with told():
        # Neither RQ nor its Redis client is of use to the other commands, and they take a while to import.
        from saas.core.jobs import dispatcher, worker

        settings = load()
        app, redis = build(settings), worker.connect(settings.redis_url)
        _await_database(app, pulse)
        if queue:
            worker.run(app, redis, queue, pulse)
        else:
            dispatcher.run(app, redis, pulse)


def _await_database(app: Flask, pulse: Path | None) -> None:
    """Production does no job before it has seen what the database enforces. Raises Unenforced."""
    beating = Pulse(pulse)
    while not enforcement.require(app):
        beating.beat()
        time.sleep(_ASK_AGAIN)
