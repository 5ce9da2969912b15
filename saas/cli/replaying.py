"""`saas billing replay`."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from billing.inbox import events
from billing.inbox.events import Wanted
from billing.models import StripeEvent
from saas.cli.context import application
from saas.core.database import transaction

_SHOWN = 20  # events that are listed one by one


@click.command("replay")
@click.argument("event_id", default="")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="All that came since then, UTC.")
@click.option("--type", "type_", help="Of these only one type, as invoice.paid.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be done, and do nothing.")
def replay(event_id: str, since: datetime | None, type_: str | None, *, only_plan: bool) -> None:
    """Let jobs handle events of Stripe's again: one by its id, or those since a day. As often as one likes."""
    if bool(event_id) == bool(since):
        raise click.UsageError("Name an event by its id, or a day with --since.")
    if type_ and not since:
        raise click.UsageError("--type goes with --since.")
    with application(), transaction():
        found = [events.of_id(event_id)] if event_id else events.among(Wanted(_utc(since), type_))
        _say(found)
        if only_plan:
            click.echo("Nothing was asked for: without --plan it is.")
            return
        asked = events.replay(found)
        click.echo(f"{asked} of {len(found)} events will be handled again, by the worker of the queue fast.")
        if under_way := len(found) - asked:
            click.echo(f"The other {under_way} were asked for before and are under way.")


def _utc(since: datetime | None) -> datetime:
    return (since or datetime.now(UTC)).replace(tzinfo=UTC)


def _say(found: Sequence[StripeEvent]) -> None:
    for event in found[:_SHOWN]:
        came, became = f"came {event.received_at:%Y-%m-%d %H:%M:%S}", event.outcome or "not handled yet"
        click.echo("  ".join([event.id, event.type, event.object_id or "-", came, became]))
    if len(found) > _SHOWN:
        click.echo(f"… and {len(found) - _SHOWN} more.")
