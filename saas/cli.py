"""`saas …`: thin commands over the services, and the entry points of the background processes.

The application is built above this module; what builds it comes as the click context's object.
"""

import code
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import click
import sqlalchemy as sa
from flask import Flask

from billing import reconcile, sync
from billing.errors import NoPayments, Refused, StripeAway
from migrations import fleet
from migrations.roles import DatabaseUnfit
from saas.accounts import codes, service
from saas.accounts.models import Purpose
from saas.accounts.second_factor import service as second_factor
from saas.console import jobs as console_jobs
from saas.console import listing
from saas.core.database import db, platform_revision, transaction
from saas.core.errors import PlatformError
from saas.core.jobs import service as job_service
from saas.core.observability import configure_logging
from saas.core.settings import Settings, SettingsError, load
from saas.devstack.demo import opening
from saas.devstack.demo import tasks as demo_tasks
from saas.devstack.demo.businesses import workspace
from saas.devstack.demo.visits import visit
from tenants import provisioning, reclaim
from tenants.modules import ModuleUnfit


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
            click.echo(f"Everything is at platform {fleet.platform_head()}, {fleet.heads()}.")


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
        found, _more = listing.tenants(listing.View(search))
        rows = [[str(getattr(row, column) or "") for column in columns] for row in found]
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


@users.command("reset-second-factor")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Take the second factor and recovery codes of EMAIL away, and sign them out everywhere.

    Make sure that it is they who ask: whoever signs in next as EMAIL sets it up.
    """
    with _application(), transaction():
        found = second_factor.reset(service.by_email(email), "system")
    click.echo(f"{email} sets up a second factor anew." if found else f"{email} had no second factor.")


@main.group(no_args_is_help=True)
def jobs() -> None:
    """Background jobs."""


@jobs.command("stats")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def job_stats(as_json: bool) -> None:
    """How many jobs are in which state."""
    with _application():
        _table(("state", "jobs"), [[state, str(count)] for state, count in console_jobs.job_counts().items()], as_json)


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


@main.group("billing", no_args_is_help=True)
def payments() -> None:
    """Plans and payments at Stripe."""


@payments.command("sync")
def sync_plans() -> None:
    """Create and mend the products and prices of our plans at Stripe; a second run has nothing to do."""
    with _application():
        for line in sync.sync():
            click.echo(line)
        click.echo("Stripe has all our plans.")


@payments.command("reconcile")
def reconcile_payments() -> None:
    """Ask Stripe about everybody who pays now, as a job does once a day."""
    with _application(), transaction():
        due = reconcile.due()
        for tenant in due:
            job_service.enqueue("billing.reconcile", tenant)
        click.echo(f"{len(due)} tenants are looked at by the worker of the slow queue.")


@main.group(hidden=True, invoke_without_command=True)
@click.pass_context
def demo(context: click.Context) -> None:
    """Open the demo business, once, and print how to get in, as one line of JSON."""
    if context.invoked_subcommand is None:
        with _demonstration() as (app, settings):
            _bring_plans(app)  # before anybody can choose one
            click.echo(json.dumps(opening.run(app, settings.site_url)))


@demo.command("live")
def demo_live() -> None:
    """Add what takes its time: payments, colleagues, failures. The stack has to be running."""
    from saas.devstack.demo import life  # no other command goes shopping

    with _demonstration() as (app, _settings):
        life.run(app)


@demo.command("links")
def demo_links() -> None:
    """Print more ways into the demo business and the back office, as one line of JSON."""
    with _demonstration() as (app, settings):
        click.echo(json.dumps(opening.links(app, settings.site_url)))


@demo.command("report")
@click.argument("address")
@click.argument("collection")
@click.option("--times", default=1, show_default=True, type=click.IntRange(1, 10))
def demo_report(address: str, collection: str, times: int) -> None:
    """Ask for a slow report about a COLLECTION of the business at ADDRESS; print the job's id."""
    with _demonstration() as (app, _settings), visit(app):
        tenant = workspace(address).id
        for _ in range(times):
            click.echo(demo_tasks.ask(tenant, collection, seconds=demo_tasks.SLOW))


@main.command()
def shell() -> None:
    """A Python prompt inside the application: `app`, `db`, `sa`."""
    with _application() as app:
        code.interact(banner="Freehold shell: app, db, sa", local={"app": app, "db": db, "sa": sa}, exitmsg="")


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
    with _told():
        # Neither RQ nor its Redis client is of use to the other commands, and they take a while to import.
        from saas.core.jobs import dispatcher, worker

        settings = load()
        configure_logging(settings)
        app, redis = click.get_current_context().obj(settings), worker.connect(settings.redis_url)
        if queue:
            worker.run(app, redis, queue, pulse)
        else:
            dispatcher.run(app, redis, pulse)


def _bring_plans(app: Flask) -> None:
    """The site can be used without; then nobody can pay."""
    with app.app_context():
        try:
            for _line in sync.sync():
                pass
        except NoPayments:
            pass
        except (StripeAway, Refused) as error:
            click.echo(f"The plans are not at Stripe: {error}", err=True)


def _check_migrations() -> None:
    if (found := platform_revision()) != fleet.platform_head():
        click.echo(f"The platform's schema is at {found or 'nothing'}, behind {fleet.platform_head()}")
        sys.exit(1)
    late = fleet.behind()
    for tenant in late:
        click.echo(f"{tenant} is behind {fleet.heads()}")
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
def _demonstration() -> Iterator[tuple[Flask, Settings]]:
    """The demo has an operator, and prints links that open signed in."""
    with _told():
        settings = load(log_level="warning")
        if settings.production:
            raise click.ClickException("The demo is for development only: FREEHOLD_ENV says production.")
        configure_logging(settings)
        yield click.get_current_context().obj(settings), settings


@contextmanager
def _told() -> Iterator[None]:
    """What an operator can mend is told in a sentence, not in a traceback."""
    try:
        yield
    except SettingsError as error:
        raise click.ClickException(f"The settings are not complete:\n{error}") from None
    except (PlatformError, DatabaseUnfit, ModuleUnfit) as error:
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
