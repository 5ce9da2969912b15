"""`saas tenants probe`."""

import json
import sys
from dataclasses import asdict

import click

from saas.cli.context import application, table
from saas.core.database import transaction
from tenants.probe import reports, service
from tenants.probe.outcomes import Outcome
from tenants.probe.service import Report


@click.command("probe")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def probe(as_json: bool) -> None:
    """Try now, in every way, to get from one tenant of the probe's own into the other, and keep the report.

    Ends with status 1 when anything crossed, or was blind: its owner found nothing there either.
    """
    with application():
        report = service.run()
        with transaction():
            reports.keep(report)
    (_tell_programs if as_json else _tell)(report)
    if report.findings():
        sys.exit(1)


def _tell(report: Report) -> None:
    rows = [
        [way, str(sum(counts.values())), *(str(counts[outcome]) for outcome in Outcome)]
        for way, counts in report.ways().items()
    ]
    table(("way", "attempts", *Outcome), rows, as_json=False)
    for found in report.findings():
        click.echo(f"{found.outcome.value.upper()} by {found.way}: {found.tried}: {found.said}")
    click.echo(f"{len(report.attempts)} attempts in {report.seconds:.1f} s.")


def _tell_programs(report: Report) -> None:
    click.echo(json.dumps({"ways": report.ways(), "findings": [asdict(found) for found in report.findings()]}))
