"""`saas billing …`."""

import click

from billing import reconcile, sync
from saas.cli.context import application
from saas.core.database import transaction
from saas.core.jobs import enqueue


@click.group("billing", no_args_is_help=True)
def payments() -> None:
    """Plans and payments at Stripe."""


@payments.command("sync")
def sync_plans() -> None:
    """Create and mend the products and prices of our plans at Stripe; a second run has nothing to do."""
    with application():
        for line in sync.sync():
            click.echo(line)
        click.echo("Stripe has all our plans.")


@payments.command("reconcile")
def reconcile_payments() -> None:
    """Ask Stripe about everybody who pays now, as a job does once a day."""
    with application(), transaction():
        # The day's own jobs may be hours away, so these have keys of their own.
        asked = [enqueue("billing.reconcile", args=(due,), key=f"{due}/now") for due in sorted(reconcile.due())]
        click.echo(f"{len(asked)} tenants are looked at by the worker of the slow queue.")
        if under_way := asked.count(None):
            click.echo(f"Of these, {under_way} were asked for before and are under way.")
