"""An action's own page: what it would change, then the reason, then it is done, once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form

from billing.errors import Refused
from billing.pages import common
from saas.console import (
    accounts,
    confirming,
    favouring,
    flagging,
    granting,
    overriding,
    refunding,
    subscribing,
    suspending,
)
from saas.console.accounts import Account
from saas.console.actions import Action, Change, Order
from saas.console.confirming import Question
from saas.console.door import actor, blueprint
from saas.console.errors import NothingToDo
from saas.console.forms import ReasonForm
from saas.core.errors import NotFound, Unavailable

ROOMS = (suspending, subscribing, favouring, granting, overriding, refunding, flagging)
ACTIONS = {action.name: action for room in ROOMS for action in room.ACTIONS}


@blueprint.route("/tenants/<tenant_id>/actions/<name>", methods=["GET", "POST"])
def act(tenant_id: str, name: str) -> ResponseReturnValue:
    account, action = accounts.get(tenant_id), ACTIONS.get(name)
    if action is None:
        raise NotFound
    choice = action.choice(account, request.args) if action.choice else None
    form = action.form()
    return confirming.ask(
        Question(
            action.name,
            account.id,
            form,
            lambda: choice is None or bool(choice.validate()),
            lambda key: _carry_out(account, action, choice, form, key),
            lambda: _page(account, action, choice, form),
            _home(account),
        )
    )


def possible(account: Account) -> list[Action]:
    """What takes something away comes last."""
    return sorted((action for action in ACTIONS.values() if action.fits(account)), key=lambda action: action.harsh)


def _carry_out(account: Account, action: Action, choice: Form | None, form: ReasonForm, key: UUID) -> str:
    if not action.fits(account):
        raise NothingToDo
    action.carry_out(Order(account, _chosen(choice) | _shown(), form.data, actor(), key))
    return action.done


def _page(account: Account, action: Action, choice: Form | None, form: ReasonForm) -> str:
    ready = choice is None or (bool(request.args) and choice.validate())
    possible_now = action.fits(account)
    changes = _changes(account, action, choice, form) if ready and possible_now else []
    return render_template(
        "console/action.html",
        area="tenants",
        crumbs=[("Workspaces", url_for("console.index")), (account.name, _home(account))],
        about=account.name,
        action=action,
        choice=choice,
        changes=changes,
        sends={name: value for change in changes for name, value in change.sends.items()},
        possible=possible_now,
        f=form,
        home=_home(account),
    )


def _changes(account: Account, action: Action, choice: Form | None, form: ReasonForm) -> Sequence[Change]:
    """Where Stripe is asked what would change and doesn't say, a form that was sent stays, to be sent again.

    One that keeps its number also keeps what it showed: nobody may know what has become of it at Stripe.
    """
    kept = request.method == "POST" and form.once.data == request.form.get("once")
    try:
        return action.changes(account, _chosen(choice) | (_shown() if kept else {}))
    except (Unavailable, Refused) as error:
        if request.method != "POST":
            raise
        why = (
            "while the payment provider is away"
            if isinstance(error, Unavailable)
            else "as the payment provider says no"
        )
        return [Change("What changes", "", f"Can't be told {why}")]


def _chosen(choice: Form | None) -> dict[str, Any]:
    return dict(choice.data) if choice else {}


def _shown() -> dict[str, Any]:
    """The amount that the page showed, and the moment from which it was counted."""
    return {"at": common.moment(), "due": common.due()}


def _home(account: Account) -> str:
    return url_for("console.tenant", tenant_id=account.id)
