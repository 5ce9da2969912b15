"""`saas users …`."""

import click

from saas.accounts import codes, service
from saas.accounts.models import Purpose
from saas.accounts.second_factor import service as second_factor
from saas.cli.context import application
from saas.core.database import transaction


@click.group(no_args_is_help=True)
def users() -> None:
    """People's accounts."""


@users.command("link")
@click.argument("email")
@click.option("--next", "path", default="/workspaces", help="The page that the link opens.")
def link(email: str, path: str) -> None:
    """Print a link that opens the site signed in as EMAIL, once and within 15 minutes."""
    with application() as app, transaction():
        user = service.by_email(email)
        secret = codes.issue(Purpose.LINK, user.id)
        click.echo(f"{app.extensions['freehold.settings'].site_url}/link/{secret}?next={path}")


@users.command("operator")
@click.argument("email")
@click.option("--revoke", is_flag=True, help="Take the right away again.")
def operator(email: str, revoke: bool) -> None:
    """Let EMAIL into the back office."""
    with application(), transaction():
        service.by_email(email).operator = not revoke
    click.echo(f"{email} {'may no longer' if revoke else 'may'} enter the back office.")


@users.command("reset-second-factor")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Take the second factor and recovery codes of EMAIL away, and sign them out everywhere.

    Make sure that it is they who ask: whoever signs in next as EMAIL sets it up.
    """
    with application(), transaction():
        found = second_factor.reset(service.by_email(email), "system")
    click.echo(f"{email} sets up a second factor anew." if found else f"{email} had no second factor.")
