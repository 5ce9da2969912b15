"""The entry point of the background processes."""

from pathlib import Path

import click

from saas.cli.context import build, told
from saas.core.settings import load


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
        if queue:
            worker.run(app, redis, queue, pulse)
        else:
            dispatcher.run(app, redis, pulse)
