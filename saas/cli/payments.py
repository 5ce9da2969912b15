"""`saas billing …`."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from billing.errors import BadCatalogue
from billing.offering import sync
from saas.cli.context import application
from saas.cli.earning import revenue
from saas.cli.explaining import explain
from saas.cli.reconciling import reconcile_payments
from saas.cli.replaying import replay


@contextmanager
def told() -> Iterator[None]:
    """A file of plans that can't be used is said in a sentence."""
    try:
        yield
    except BadCatalogue as error:
        raise click.ClickException(f"billing/catalog.toml: {error}") from None


@click.group("billing", no_args_is_help=True)
def payments() -> None:
    """Plans and payments at Stripe."""


@payments.command("sync")
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be done, and do nothing.")
def sync_plans(*, only_plan: bool) -> None:
    """Create and mend the products, prices and meters of our plans at Stripe; a second run has nothing to do."""
    with application(), told():
        if only_plan:
            deeds = sync.planned()
            for deed in deeds:
                click.echo(deed.sentence)
            click.echo("Nothing was changed: without --plan this is done." if deeds else "Stripe has all our plans.")
            return
        for line in sync.sync():
            click.echo(line)
        click.echo("Stripe has all our plans.")


for command in (explain, reconcile_payments, replay, revenue):
    payments.add_command(command)
