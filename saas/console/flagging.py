"""Clearing a flag that billing has raised."""

from collections.abc import Sequence
from uuid import UUID

from billing.mirrored import flags
from saas.console import choices
from saas.console.accounts import Account
from saas.console.actions import Action, Change, Chosen, Order


def _clearing(account: Account, chosen: Chosen) -> Sequence[Change]:
    (flag,) = (flag for flag in account.flags if str(flag.id) == chosen["flag"])
    return [Change(flag.text, "To be looked at", "Looked at")]


def _clear(order: Order) -> None:
    flags.clear(order.account.id, UUID(order.chosen["flag"]), actor=order.actor, reason=order.reason)


ACTIONS = (
    Action(
        "clear-flag",
        "Clear a flag",
        "Says that somebody has looked at it and done what was to be done. Nothing else is changed.",
        "The flag is cleared.",
        lambda account: bool(account.flags),
        _clearing,
        _clear,
        choice=choices.flag,
    ),
)
