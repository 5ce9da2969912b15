"""What the commands that change something have in common: a reason, and how they end."""

import json
import sys
from typing import Any

import click

ACTOR = "system"  # in the audit

_SHORTEST, _LONGEST = 5, 500  # characters of a reason

as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


def _checked(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not _SHORTEST <= len(value) <= _LONGEST:
        raise click.BadParameter(f"say why in {_SHORTEST} to {_LONGEST} characters")
    return value


reason = click.option("--reason", required=True, callback=_checked, help="Why; the audit and the job keep it.")
why = click.option("--reason", default="by the command line", callback=_checked, help="Why; the audit keeps it.")


def end(answer: dict[str, Any], told: str, as_json: bool, *, ok: bool) -> None:
    """Tell how it went, and exit with 1 when it is not as it was asked for."""
    click.echo(json.dumps(answer) if as_json else told)
    if not ok:
        sys.exit(1)
