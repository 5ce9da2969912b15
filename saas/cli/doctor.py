"""`saas doctor`."""

import json
import sys
from dataclasses import asdict

import click

from saas.cli.context import application
from tenants.isolation import enforcement
from tenants.isolation.enforcement import Finding

_REFUSED = ("gap", "fault")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def doctor(as_json: bool) -> None:
    """Ask the database what it enforces; exit with 1 when production would not start on it.

    It is asked as the user of DATABASE_URL. docs/postgres.md tells what each of the names is about.
    """
    with application():
        found = enforcement.read()
        if as_json:
            click.echo(json.dumps([asdict(one) for one in found]))
        else:
            _tell(found)
    if _refused(found):
        sys.exit(1)


def _tell(found: list[Finding]) -> None:
    width = max(len(one.name) for one in found)
    for one in found:
        click.echo(f"{one.state:8}  {one.name:{width}}  {one.sentence}")
    for one in _refused(found):
        click.echo(f"\n{one.name}: {one.mend}")
        for statement in filter(None, one.sql.split("; ")):
            click.echo(f"    {statement.rstrip(';')};")
    click.echo(f"\n{_summary(found)}")


def _summary(found: list[Finding]) -> str:
    refused = _refused(found)
    if not refused:
        return "Production starts on this database."
    told = f"Production does not start on this database, because of {', '.join(one.name for one in refused)}."
    gaps = [one.name for one in refused if one.state == "gap"]
    if not gaps:
        return told
    accepted = [one.name for one in found if one.state == "accepted"]
    return f"{told}\nTo accept what can't be mended: ACCEPTED_GAPS={','.join(accepted + gaps)}"


def _refused(found: list[Finding]) -> list[Finding]:
    return [one for one in found if one.state in _REFUSED]
