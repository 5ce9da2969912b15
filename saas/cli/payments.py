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
        due = sorted(reconcile.due())
        for tenant in due:
            enqueue("billing.reconcile", args=(tenant,), key=tenant)
        click.echo(f"{len(due)} tenants are looked at by the worker of the slow queue.")
