"""`saas tenants doctor`."""

from itertools import groupby

import click
from sqlalchemy.exc import SQLAlchemyError

from saas.cli.comparing import comparable
from tenants import provisioning
from tenants.doctor import looking, mending
from tenants.doctor.faults import REMEDIES, Finding

SHOWN = 20  # of the tenants with the same fault, of which there may be thousands


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended without losing anything.")
@click.option("--drop-data", is_flag=True, help="With --fix: drop schemas without a tenant though they hold data.")
@click.option("--yes", is_flag=True, help="Don't ask before mending.")
def doctor(fix: bool, drop_data: bool, yes: bool) -> None:
    """Find schemas, roles and rows that don't belong together.

    Exit status: 0 there are none, 1 there are some, 2 it could not look.
    """
    with comparable():
        found = looking.find()
        _tell(found)
        wanted = [finding for finding in found if fix and mending.mendable(finding, drop_data=drop_data)]
        if wanted and (yes or click.confirm(f"Mend {len(wanted)} of {len(found)}?")):
            for finding in wanted:
                _mend(finding, drop_data)
            provisioning.refill()
            found = looking.find()
            click.echo("Afterwards:")
            _tell(found)
        if found:
            raise SystemExit(1)


def _tell(found: list[Finding]) -> None:
    if not found:
        click.echo("Each tenant has its schema and its rights, and nothing is left over.")
    for fault, group in groupby(found, key=lambda finding: finding.fault):
        tenants = [finding.tenant for finding in group]
        click.echo(f"{len(tenants)} x {fault.value}. {REMEDIES[fault]}")
        for tenant in tenants[:SHOWN]:
            click.echo(f"    {tenant}")
        if len(tenants) > SHOWN:
            click.echo(f"    and {len(tenants) - SHOWN} more")


def _mend(finding: Finding, drop_data: bool) -> None:
    try:
        mended = mending.mend(finding, drop_data=drop_data)
    except SQLAlchemyError as error:  # one that can't be mended must not keep the others
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        click.echo(f"{finding.tenant} could not be mended: {reason}")
    else:
        click.echo(f"{finding.tenant} was mended." if mended else f"{finding.tenant} has changed meanwhile.")
