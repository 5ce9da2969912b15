"""`saas tenants probe`."""

import json
import sys
from dataclasses import asdict

import click

from saas.cli.comparing import migrated
from saas.cli.context import table
from saas.core.database import transaction
from tenants.probe import reports, service
from tenants.probe.outcomes import Outcome
from tenants.probe.service import Report


@click.command("probe")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def probe(as_json: bool) -> None:
    """Try now, in every way, to get from one tenant of the probe's own into the other, and keep the report.

    Exit status: 0 nothing crossed, 1 something did, 2 it could not look, 3 nothing crossed, but some attempts were
    blind: their owner found nothing there either, so that they prove nothing.
    """
    with migrated():
        report = service.run()
        (_tell_programs if as_json else _tell)(report)
        with transaction():
            reports.keep(report)
    sys.exit(_status(report))


def _status(report: Report) -> int:
    """Of its own for what is blind: unlike a database that is away it stays, until somebody looks why."""
    if report.count(Outcome.CROSSED):
        return 1
    return 3 if report.count(Outcome.BLIND) else 0


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
