"""`saas migrate`."""

import sys

import click

from migrations import fleet
from saas.cli.context import application
from saas.core.database import platform_revision


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 when a schema is behind.")
def migrate(check: bool) -> None:
    """Bring the platform's schema and every tenant's to the newest revision."""
    with application() as app:
        url = app.extensions["freehold.settings"].database_url
        if check:
            _check_migrations()
        else:
            for line in fleet.migrate(url):
                click.echo(line)
            click.echo(f"Everything is at platform {fleet.platform_head()}, {fleet.heads()}.")


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
