"""`saas tenants audit`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import sqlalchemy as sa

from migrations import fleet
from saas.cli.context import application, table
from saas.core.administrator import administrator
from saas.core.database import platform_revision
from saas.core.settings import current_settings
from tenants.isolation import modes
from tenants.isolation.proof import Finding, Proof, prove


class CouldNotLook(click.ClickException):
    exit_code = 2


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: a list with an object for each finding.")
def audit(as_json: bool) -> None:
    """Compare roles, grants, policies and schemas with what the platform makes, and tell what is out of place.

    Changes nothing. Each finding comes with the command that mends it. Exit status: 0 everything is in its place,
    1 something is not, 2 it could not look.
    """
    with _or_status_2():
        proof = _prove()
    if as_json:
        rows = [[finding.check, finding.object, finding.says, finding.mend] for finding in proof.findings]
        table(("check", "object", "says", "mend"), rows, as_json)
    else:
        _tell(proof.findings)
    click.echo(_summary(proof), err=as_json)
    sys.exit(1 if proof.findings else 0)


def _prove() -> Proof:
    with application():
        if (found := platform_revision()) != fleet.platform_head():
            behind = f"The platform's schema is at {found or 'nothing'}, behind {fleet.platform_head()}"
            raise CouldNotLook(f"{behind}: run `saas migrate` first.")
        login = sa.make_url(current_settings().database_url).username or ""
        mode = _mode()
        with administrator() as connection:
            return prove(connection, login, mode)


def _mode() -> modes.Mode:
    """Compared by the other mode's measure, everything would be out of place."""
    mode = modes.current()
    with administrator() as connection:
        found = modes.found(connection)
    if found not in {mode, None}:
        raise CouldNotLook(f"The database is set up for another TENANT_ISOLATION than {mode.name}: set the one it has.")
    return mode


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


@contextmanager
def _or_status_2() -> Iterator[None]:
    """A walk that did not end is no finding, and no proof either."""
    try:
        yield
    except click.ClickException as error:
        raise CouldNotLook(error.message) from None
    except sa.exc.ProgrammingError as error:
        raise CouldNotLook(f"The catalogue can't be read: {str(error.orig).strip()}") from None
