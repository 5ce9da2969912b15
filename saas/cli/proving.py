"""`saas tenants audit`."""

import sys

import click
import sqlalchemy as sa

from saas.cli.comparing import comparable
from saas.cli.context import table
from saas.core.administrator import administrator
from saas.core.settings import current_settings
from tenants.isolation.proof import Finding, Proof, prove


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: a list with an object for each finding.")
def audit(as_json: bool) -> None:
    """Compare roles, grants, policies and schemas with what the platform makes, and tell what is out of place.

    Changes nothing. Each finding comes with the command that mends it. Exit status: 0 everything is in its place,
    1 something is not, 2 it could not look.
    """
    proof = _prove()
    if as_json:
        rows = [[finding.check, finding.object, finding.says, finding.mend] for finding in proof.findings]
        table(("check", "object", "says", "mend"), rows, as_json)
    else:
        _tell(proof.findings)
    click.echo(_summary(proof), err=as_json)
    sys.exit(1 if proof.findings else 0)


def _prove() -> Proof:
    with comparable() as mode:
        login = sa.make_url(current_settings().database_url).username or ""
        with administrator() as connection:
            return prove(connection, login, mode)


def _tell(findings: list[Finding]) -> None:
    width = max((len(finding.check) for finding in findings), default=0)
    for finding in findings:
        click.echo(f"{finding.check.ljust(width)}  {finding.object} {finding.says}")
        click.echo(f"{' ' * width}  mend: {finding.mend}")


def _summary(proof: Proof) -> str:
    looked = f"{proof.tenants:,} tenants, {proof.tables:,} tables, in {proof.seconds:.1f} s"
    if not proof.findings:
        return f"Everything is in its place: {looked}."
    return (
        f"{len(proof.findings):,} found: {looked}.\n"
        "Mend from top to bottom and look again. SQL is for the administrator (DATABASE_ADMIN_URL), or for a superuser"
        " where the database refuses it to the administrator."
    )
