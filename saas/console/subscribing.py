"""What an operator does with what a tenant pays: shown as people read it, carried out by billing."""

from collections.abc import Sequence

from billing.acting import service
from billing.money import shown
from billing.offering import shaping
from billing.plans import catalog
from saas.console import charging, choices, words
from saas.console.accounts import Account
from saas.console.actions import Action, Change, Chosen, Order
from tenants.models import FREE


def _changing_plan(account: Account, chosen: Chosen) -> Sequence[Change]:
    price = shaping.price_for(account.live, chosen["plan"], chosen["interval"])
    lines = [
        Change("Plan paid for", catalog.name_of(account.live.plan or FREE), price.plan.name),
        Change("Price", words.price(account.live), f"{shown(price.amount, price.currency)} a {price.interval}"),
        *charging.lines(account, price, chosen, at_once=True),
    ]
    return lines if account.grant else [*lines, *words.limits(account, price.plan, account.live)]


def _change_plan(order: Order) -> None:
    price = shaping.price_for(order.account.live, order.chosen["plan"], order.chosen["interval"])
    charging.change(order, price, at_once=True)


def _extending_trial(account: Account, chosen: Chosen) -> Sequence[Change]:
    until = words.day(choices.end_of(chosen["until"]))
    return [Change("Trial ends, first charge", words.day(account.live.trial_end), until)]


def _extend_trial(order: Order) -> None:
    until = choices.end_of(order.chosen["until"])
    service.extend_trial(order.account.id, until, actor=order.actor, reason=order.reason, key=order.key)


def _cancelling(account: Account, chosen: Chosen) -> Sequence[Change]:
    old, at_once = account.live, chosen["when"] == "now"
    end = "Now" if at_once else words.day(old.trial_end if old.status == "trialing" else old.period_end)
    lines = [Change("Subscription ends", words.day(old.cancel_at), end)]
    return [*lines, *words.plan(account, catalog.free())] if at_once and not account.grant else lines


def _cancel(order: Order) -> None:
    later = order.chosen["when"] == "period"
    service.cancel(order.account.id, at_period_end=later, actor=order.actor, reason=order.reason, key=order.key)


def _resuming(account: Account, _chosen: Chosen) -> Sequence[Change]:
    return [Change("Subscription ends", words.day(account.live.cancel_at), "Never")]


def _resume(order: Order) -> None:
    service.resume(order.account.id, actor=order.actor, reason=order.reason, key=order.key)


ACTIONS = (
    Action(
        "change-plan",
        "Change plan",
        "Moves the subscription to another plan at once; the difference is charged or credited now.",
        "The plan is changed.",
        lambda account: account.subscribed,
        _changing_plan,
        _change_plan,
        choice=choices.plan,
    ),
    Action(
        "extend-trial",
        "Extend trial",
        "Lets the first charge wait until the end of a later day.",
        "The trial is extended.",
        lambda account: account.subscribed and account.live.status == "trialing",
        _extending_trial,
        _extend_trial,
        choice=choices.until,
    ),
    Action(
        "cancel",
        "Cancel subscription",
        "Ends the subscription. Nothing is deleted, and nothing is paid back: refund that apart.",
        "The subscription is cancelled.",
        lambda account: account.subscribed,
        _cancelling,
        _cancel,
        choice=choices.cancel,
        harsh=True,
    ),
    Action(
        "keep-subscription",
        "Take back cancellation",
        "The subscription goes on and is charged as before.",
        "The subscription goes on.",
        lambda account: account.subscribed and account.live.cancel_at is not None,
        _resuming,
        _resume,
    ),
)
