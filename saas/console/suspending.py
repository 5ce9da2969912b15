"""Suspending a tenant, and resuming it."""

from collections.abc import Sequence

from saas.console.accounts import Account
from saas.console.actions import Action, Change, Chosen, Order
from saas.console.forms import ReasonForm, TextField
from tenants import suspension

_OPEN, _CLOSED = "Open", "Answer 403 with your text"


class SuspendForm(ReasonForm):
    text = TextField(
        "Text for visitors", shortest=5, longest=300, empty="Say what people read who meet the closed door."
    )


def _suspending(_account: Account, _chosen: Chosen) -> Sequence[Change]:
    return [Change("Site and API", _OPEN, _CLOSED)]


def _resuming(_account: Account, _chosen: Chosen) -> Sequence[Change]:
    return [Change("Site and API", _CLOSED, _OPEN)]


def _suspend(order: Order) -> None:
    suspension.suspend(order.account.id, text=order.form["text"], reason=order.reason, actor=order.actor)


def _resume(order: Order) -> None:
    suspension.resume(order.account.id, reason=order.reason, actor=order.actor)


ACTIONS = (
    Action(
        "suspend",
        "Suspend",
        "Its site and API answer 403 from the next request on. Data, members, jobs and subscription stay as they are.",
        "The workspace is suspended.",
        lambda account: account.suspended_at is None,
        _suspending,
        _suspend,
        form=SuspendForm,
        harsh=True,
    ),
    Action(
        "resume",
        "Resume",
        "Its site and API work again, as before.",
        "The workspace is open again.",
        lambda account: account.suspended_at is not None,
        _resuming,
        _resume,
    ),
)
