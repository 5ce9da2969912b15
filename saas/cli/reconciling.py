"""`saas billing reconcile`."""

import json
import sys
from dataclasses import asdict

import click

from billing.errors import Missing
from billing.inbox import reconcile
from billing.inbox.comparing import Drift
from billing.mirrored import mirror
from saas.cli import naming
from saas.cli.answers import as_json
from saas.cli.context import application, table
from saas.core.database import transaction


@click.command("reconcile")
@click.argument("tenant", default="")
@click.option(
    "--fix",
    is_flag=True,
    help="Ask Stripe about each tenant that differs, or the one named, and write down what it says.",
)
@as_json
def reconcile_payments(tenant: str, *, fix: bool, as_json: bool) -> None:
    """Compare customers and subscriptions with Stripe, of all tenants or of one (its id or address).

    Ends with 1 when something differs and was not mended.
    """
    with application():
        with transaction():
            only = naming.tenant_of(tenant) if tenant else None
        found = left = _compare(only)
        if fix and (found or only):
            _mend(found, {only} if only else {one.tenant for one in found})
            left = _compare(only)
        _tell(found, left, fix=fix, as_json=as_json)
    sys.exit(1 if left else 0)


def _compare(tenant: str | None) -> list[Drift]:
    with transaction():
        asked_at = mirror.now()
    listed = reconcile.list_all(asked_at)
    with transaction():
        return reconcile.compare(listed, tenant)


def _mend(found: list[Drift], tenants: set[str]) -> None:
    """Each tenant by itself, so that one that can't be mended keeps none of the others."""
    with transaction():
        reconcile.tell(found)
    for tenant in sorted(tenants):
        with transaction():
            wanted = reconcile.whom(tenant)
        if wanted is None:
            continue
        try:
            looked = reconcile.ask(wanted)
        except Missing:
            click.echo(f"{tenant}: this key does not know its customer {wanted.customer}.", err=True)
            continue
        with transaction():
            reconcile.keep(tenant, looked)


def _tell(found: list[Drift], left: list[Drift], *, fix: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"drift": [asdict(one) for one in found], "left": [asdict(one) for one in left]}))
        return
    if not found:
        click.echo("Nothing differs from Stripe.")
        return
    columns = ("tenant", "object", "field", "here", "at Stripe")
    table(columns, [[one.tenant, one.object, one.field, one.here, one.there] for one in found], False)
    if not fix:
        click.echo(f"{len(found)} fields differ. With --fix Stripe is asked about each of these tenants.")
    elif left:
        click.echo(f"{len(found)} fields differed, and of these tenants {len(left)} fields differ still.")
    else:
        click.echo(f"{len(found)} fields differed. All of it is mended, or an admin has been told.")
