"""Which workspace a command is about."""

import click

from saas.console import accounts, history
from tenants.errors import UnknownTenant


def tenant_of(wanted: str) -> str:
    """The id of the one that was given by its id or address. To be called in a transaction."""
    try:
        return accounts.get(history.tenant_named(wanted)).id
    except UnknownTenant:
        told = f"There is no workspace with the id or address {wanted!r}: `saas tenants list` names those there are."
        raise click.ClickException(told) from None
