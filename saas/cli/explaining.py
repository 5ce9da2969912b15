"""`saas billing explain`."""

import json

import click

from billing.why import explaining
from billing.why.explaining import Explanation
from saas.cli import naming
from saas.cli.answers import as_json
from saas.cli.context import application
from saas.core.database import transaction


@click.command("explain")
@click.argument("tenant")
@as_json
def explain(tenant: str, *, as_json: bool) -> None:
    """Tell why a tenant (its id or address) has the plan, limits and standing that it has."""
    with application(), transaction():
        found = explaining.explain(naming.tenant_of(tenant))
        click.echo(_json(found) if as_json else _text(found))


def _json(found: Explanation) -> str:
    facts = [{"about": fact.about, "text": fact.text} for fact in found.facts]
    changes = [{"at": one.at.isoformat(), "text": one.text} for one in found.history]
    return json.dumps({"tenant": found.tenant, "facts": facts, "history": changes})


def _text(found: Explanation) -> str:
    facts = [f"{fact.about}: {fact.text}" for fact in found.facts]
    return "\n".join([found.tenant, *facts, "", *(one.text for one in found.history)])
