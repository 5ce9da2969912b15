"""`saas tenants …`."""

import click

from saas.cli.context import application, table
from saas.cli.doctoring import doctor
from saas.cli.probing import probe
from saas.cli.proving import audit
from saas.console import listing
from tenants import provisioning, reclaim


@click.group(no_args_is_help=True)
def tenants() -> None:
    """Tenants and the pool of spare schemas."""


@tenants.command("list")
@click.option("--search", default="", help="Part of a name, an address or an owner's email.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_tenants(search: str, as_json: bool) -> None:
    """The newest tenants."""
    with application():
        columns = ("id", "address", "state", "owner", "name")
        found, _more = listing.tenants(listing.View(search))
        rows = [[str(getattr(row, column) or "") for column in columns] for row in found]
        table(columns, rows, as_json)


@tenants.command("refill")
def refill() -> None:
    """Fill the pool of spare schemas now."""
    with application():
        click.echo(f"{provisioning.refill()} spare schemas were built.")


@tenants.command("reclaim")
def reclaim_unconfirmed() -> None:
    """Remove the tenants whose email was not confirmed in time."""
    with application():
        click.echo(f"{reclaim.reclaim()} unconfirmed tenants were removed.")


tenants.add_command(audit)
tenants.add_command(doctor)
tenants.add_command(probe)
