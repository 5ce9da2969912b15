"""Giving a tenant a plan for nothing, and taking it back."""

from collections.abc import Sequence
from datetime import datetime

from billing.entitlement import grants
from billing.plans import catalog
from saas.console import choices, words
from saas.console.accounts import Account
from saas.console.actions import Action, Change, Chosen, Order


def _granting(account: Account, chosen: Chosen) -> Sequence[Change]:
    after = _given(chosen["plan"], choices.end_of(chosen["until"]))
    given = Change("Given for nothing", _given_now(account), after)
    return [given, *words.plan(account, catalog.plan(chosen["plan"])), *_charge(account)]


def _grant(order: Order) -> None:
    until = choices.end_of(order.chosen["until"])
    grants.grant(order.account.id, order.chosen["plan"], until, actor=order.actor, reason=order.reason)


def _ending_grant(account: Account, _chosen: Chosen) -> Sequence[Change]:
    paid = catalog.find(account.live.plan, account.live.version) if account.pays else None
    after = words.plan(account, paid, account.live) if paid else words.plan(account, catalog.free())
    return [Change("Given for nothing", _given_now(account), "Nothing"), *after]


def _end_grant(order: Order) -> None:
    grants.end_grant(order.account.id, actor=order.actor, reason=order.reason)


def _given_now(account: Account) -> str:
    return _given(account.grant.plan, account.grant.until) if account.grant else "Nothing"


def _given(plan: str, until: datetime | None) -> str:
    return f"{catalog.name_of(plan)} until {words.day(until)}" if until else catalog.name_of(plan)


def _charge(account: Account) -> list[Change]:
    """A subscription beside a grant goes on; whoever grants has to know."""
    if not account.pays:
        return []
    paid = words.price(account.subscription)
    return [Change("Charged all the same", paid, paid)]


ACTIONS = (
    Action(
        "grant",
        "Give a plan",
        "Gives a plan for nothing until the end of a day. It goes before what is paid for, and ends by itself.",
        "The plan is given.",
        lambda _account: True,
        _granting,
        _grant,
        choice=choices.grant,
    ),
    Action(
        "end-grant",
        "End given plan",
        "Takes back the plan that was given for nothing. Nothing is deleted.",
        "The given plan has ended.",
        lambda account: account.grant is not None,
        _ending_grant,
        _end_grant,
        harsh=True,
    ),
)
