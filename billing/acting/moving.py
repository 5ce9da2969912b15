"""The calls by which a subscription becomes another at Stripe, and what is mended when one of them is refused."""

from dataclasses import dataclass

from billing.acting import acts
from billing.acting.acts import Act
from billing.errors import CardDeclined, Refused, StaleOffer
from billing.gateway import previews, schedules, subscriptions
from billing.gateway.objects import METERED_SINCE
from billing.gateway.schedules import Then
from billing.gateway.subscriptions import Change


@dataclass(frozen=True)
class Move:
    """What is to become of a subscription."""

    subscription: str
    customer: str
    schedule: str | None  # that it has now, which gives way
    planned: Then | None  # what that schedule was to bring
    kept: Change | None  # seats that are paid for, and charged again only with the next period: they come first
    now: Change | None  # what it becomes at once
    then: Then | None  # what it becomes when its period ends
    due: int | None  # what somebody was shown that it costs now; None: nobody was
    metadata: dict[str, str]


def carry_out(asked: Act, move: Move) -> None:
    """To be called within the act. Raises StaleOffer when it would cost something else than was shown.

    A change that was planned stays planned when the one that was to take its place is refused.
    """
    if asked.done:
        return
    if move.now and move.due is not None and not asked.sent:
        _check_due(move, move.now, move.due)
        acts.send(asked)
    if move.schedule:
        schedules.release(move.schedule, key=f"{asked.key}:{move.schedule}:released")
    if move.then:
        schedules.plan(move.subscription, move.then, key=f"{asked.key}:{move.schedule or ''}:later")
    if move.now is None:
        return
    if move.kept:
        subscriptions.change(move.subscription, move.kept, charged=False, key=f"{asked.key}:kept")
    try:
        subscriptions.change(move.subscription, move.now, metadata=move.metadata | _since(asked), key=asked.key)
    except (CardDeclined, Refused):
        if move.planned:
            schedules.plan(move.subscription, move.planned, key=f"{asked.key}:restored")
        raise


def _since(asked: Act) -> dict[str, str]:
    """The same whenever the form is sent, as Stripe wants it under one key."""
    return {METERED_SINCE: str(asked.detail["since"])}


def _check_due(move: Move, wanted: Change, due: int) -> None:
    """A colleague may have come or gone meanwhile, or more have been used."""
    if previews.preview(move.subscription, wanted, customer=move.customer).due != due:
        raise StaleOffer
