"""`saas jobs …`."""

from uuid import UUID

import click

from saas.cli.context import application, table
from saas.console import jobs as console_jobs
from saas.core.database import transaction
from saas.core.jobs import service


@click.group(no_args_is_help=True)
def jobs() -> None:
    """Background jobs."""


@jobs.command("stats")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def job_stats(as_json: bool) -> None:
    """How many jobs are in which state."""
    with application():
        table(("state", "jobs"), [[state, str(count)] for state, count in console_jobs.job_counts().items()], as_json)


@jobs.command("dead")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def dead_jobs(as_json: bool) -> None:
    """The jobs that failed on their last try."""
    with application():
        columns = ("id", "name", "tenant", "tries", "error")
        rows = [[str(getattr(job, column) or "") for column in columns] for job in service.dead()]
        table(columns, rows, as_json)


@jobs.command("retry")
@click.argument("ids", nargs=-1, type=click.UUID)
@click.option("--all", "everything", is_flag=True, help="Every dead job.")
def retry_jobs(ids: tuple[UUID, ...], everything: bool) -> None:
    """Give dead jobs all their tries again."""
    if not ids and not everything:
        raise click.UsageError("name the jobs, as `saas jobs dead` lists them, or say --all")
    with application(), transaction():
        wanted = ids or tuple(job.id for job in service.dead())
        click.echo(f"{service.retry(*wanted)} jobs are tried again.")
