"""`saas demo`, which `./dev run` calls."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import Flask

from billing.errors import NoPayments, Refused, StripeAway
from billing.offering import sync
from saas.cli.context import build, told
from saas.core.settings import Settings, load
from saas.devstack.demo import opening
from saas.devstack.demo import tasks as demo_tasks
from saas.devstack.demo.businesses import workspace
from saas.devstack.demo.visits import visit


@click.group(hidden=True, invoke_without_command=True)
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


@contextmanager
def _demonstration() -> Iterator[tuple[Flask, Settings]]:
    """The demo has an operator, and prints links that open signed in."""
    with told():
        settings = load(log_level="warning")
        if settings.production:
            raise click.ClickException("The demo is for development only: FREEHOLD_ENV says production.")
        yield build(settings), settings
