"""`saas …`: thin commands over the services, and the entry points of the background processes.

The application is built above this module; what builds it comes as the click context's object.
"""

import code
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import click
import sqlalchemy as sa
from flask import Flask

from migrations import fleet
from migrations.roles import DatabaseUnfit
from saas.accounts import codes, service
from saas.accounts.models import Purpose
from saas.console import service as console
from saas.core.database import db, platform_revision, transaction
from saas.core.errors import PlatformError
from saas.core.jobs import service as job_service
from saas.core.observability import configure_logging
from saas.core.settings import SettingsError, load
from saas.devstack import demo as demonstration
from tenants import provisioning, reclaim


@click.group(no_args_is_help=True)
def main() -> None:
    """Freehold's command line. Settings come from the environment; see .env.example."""


@main.command()
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 when a schema is behind.")
def migrate(check: bool) -> None:
    """Bring the platform's schema and every tenant's to the newest revision."""
    with _application() as app:
        url = app.extensions["freehold.settings"].database_url
        if check:
            _check_migrations()
        else:
            for line in fleet.migrate(url):
                click.echo(line)
            click.echo(f"Everything is at platform {fleet.platform_head()}, tenant {fleet.tenant_head()}.")


@main.group(no_args_is_help=True)
def tenants() -> None:
    """Tenants and the pool of spare schemas."""


@tenants.command("list")
@click.option("--search", default="", help="Part of a name, an address or an owner's email.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_tenants(search: str, as_json: bool) -> None:
    """The newest tenants."""
    with _application():
        columns = ("id", "address", "state", "owner", "name")
        rows = [[str(getattr(row, column) or "") for column in columns] for row in console.tenants(search, "")]
        _table(columns, rows, as_json)


@tenants.command("refill")
def refill() -> None:
    """Fill the pool of spare schemas now."""
    with _application():
        click.echo(f"{provisioning.refill()} spare schemas were built.")


@tenants.command("reclaim")
def reclaim_unconfirmed() -> None:
    """Remove the tenants whose email was not confirmed in time."""
    with _application():
        click.echo(f"{reclaim.reclaim()} unconfirmed tenants were removed.")


@main.group(no_args_is_help=True)
def users() -> None:
    """People's accounts."""


@users.command("link")
@click.argument("email")
@click.option("--next", "path", default="/workspaces", help="The page that the link opens.")
def link(email: str, path: str) -> None:
    """Print a link that opens the site signed in as EMAIL, once and within 15 minutes."""
    with _application() as app, transaction():
        user = service.by_email(email)
        secret = codes.issue(Purpose.LINK, user.id)
        click.echo(f"{app.extensions['freehold.settings'].site_url}/link/{secret}?next={path}")


@users.command("operator")
@click.argument("email")
@click.option("--revoke", is_flag=True, help="Take the right away again.")
def operator(email: str, revoke: bool) -> None:
    """Let EMAIL into the back office."""
    with _application(), transaction():
        service.by_email(email).operator = not revoke
    click.echo(f"{email} {'may no longer' if revoke else 'may'} enter the back office.")


@main.group(no_args_is_help=True)
def jobs() -> None:
    """Background jobs."""


@jobs.command("stats")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def job_stats(as_json: bool) -> None:
    """How many jobs are in which state."""
    with _application():
        _table(("state", "jobs"), [[state, str(count)] for state, count in console.job_counts().items()], as_json)


@jobs.command("dead")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def dead_jobs(as_json: bool) -> None:
    """The jobs that failed on their last try."""
    with _application():
        columns = ("id", "name", "tenant", "tries", "error")
        rows = [[str(getattr(job, column) or "") for column in columns] for job in job_service.dead()]
        _table(columns, rows, as_json)


@jobs.command("retry")
@click.argument("ids", nargs=-1, type=click.UUID)
@click.option("--all", "everything", is_flag=True, help="Every dead job.")
def retry_jobs(ids: tuple[UUID, ...], everything: bool) -> None:
    """Give dead jobs all their tries again."""
    if not ids and not everything:
        raise click.UsageError("name the jobs, as `saas jobs dead` lists them, or say --all")
    with _application(), transaction():
        wanted = ids or tuple(job.id for job in job_service.dead())
        click.echo(f"{job_service.retry(*wanted)} jobs are tried again.")


@main.command(hidden=True)
def demo() -> None:
    """Open the demo business, once, and print how to get in, as one line of JSON."""
    with _told():
        settings = load(log_level="warning")
        click.echo(json.dumps(demonstration.run(click.get_current_context().obj(settings), settings.site_url)))


@main.command()
def shell() -> None:
    """A Python prompt inside the application: `app`, `db`, `sa`."""
    with _application() as app:
        code.interact(banner="Freehold shell: app, db, sa", local={"app": app, "db": db, "sa": sa}, exitmsg="")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("task", type=click.Choice(["dispatch", "work"]), default="work")
@click.option("--queue", type=click.Choice(["fast", "slow"]), help="The one queue to work on.")
def work(task: str, queue: str | None) -> None:
    """Run the dispatcher, or a worker on one queue, until SIGTERM."""
    if task == "work" and queue is None:
        raise click.UsageError("say which queue: `python worker.py --queue fast`, or `python worker.py dispatch`")
    with _told():
        # Neither RQ nor its Redis client is of use to the other commands, and they take a while to import.
        from saas.core.jobs import dispatcher, worker

        settings = load()
        configure_logging(settings)
        app, redis = click.get_current_context().obj(settings), worker.connect(settings.redis_url)
        if queue:
            worker.run(app, redis, queue)
        else:
            dispatcher.run(app, redis)


def _check_migrations() -> None:
    if (found := platform_revision()) != fleet.platform_head():
        click.echo(f"The platform's schema is at {found or 'nothing'}, behind {fleet.platform_head()}")
        sys.exit(1)
    late = fleet.behind()
    for tenant in late:
        click.echo(f"{tenant} is behind {fleet.tenant_head()}")
    if late:
        sys.exit(1)
    click.echo("Every schema is at head.")


@contextmanager
def _application() -> Iterator[Flask]:
    with _told():
        settings = load(log_level="warning")
        configure_logging(settings)
        app: Flask = click.get_current_context().obj(settings)
        with app.app_context(), app.test_request_context(base_url=settings.site_url):
            yield app


@contextmanager
def _told() -> Iterator[None]:
    """What an operator can mend is told in a sentence, not in a traceback."""
    try:
        yield
    except SettingsError as error:
        raise click.ClickException(f"The settings are not complete:\n{error}") from None
    except (PlatformError, DatabaseUnfit) as error:
        raise click.ClickException(str(error)) from None
    except sa.exc.OperationalError as error:
        raise click.ClickException(f"The database does not answer: {str(error.orig).strip()}") from None


def _table(columns: tuple[str, ...], rows: list[list[str]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows]))
        return
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in [list(columns), *rows]:
        click.echo("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
