"""An action's own page: what it would change, then the reason, then it is done, once."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form

from saas.console import accounts, granting, once, refunding, subscribing, suspending
from saas.console.accounts import Account
from saas.console.actions import Action, Order
from saas.console.door import actor, blueprint
from saas.console.errors import NothingToDo
from saas.console.forms import ReasonForm
from saas.core import forms
from saas.core.errors import NotFound, PlatformError, Unavailable

ROOMS = (suspending, subscribing, granting, refunding)
ACTIONS = {action.name: action for room in ROOMS for action in room.ACTIONS}


@blueprint.route("/tenants/<tenant_id>/actions/<name>", methods=["GET", "POST"])
def act(tenant_id: str, name: str) -> ResponseReturnValue:
    account, action = accounts.get(tenant_id), ACTIONS.get(name)
    if action is None:
        raise NotFound
    choice = action.choice(account, request.args) if action.choice else None
    form = action.form()
    if request.method != "POST":
        return _page(account, action, choice, form)
    key = once.number(form.once.data or "", *_about(account, action))
    if key is None:
        form.form_errors.append("This form was made for another page or person. Look at it again, and send it again.")
        form.once.data = None
    elif once.begun(key):
        return _again(account, key)
    elif (choice is None or choice.validate()) and form.validate():
        return _carry_out(account, action, choice, form, key)
    return _page(account, action, choice, form), 422


def possible(account: Account) -> list[Action]:
    return [action for action in ACTIONS.values() if action.fits(account)]


def _carry_out(
    account: Account, action: Action, choice: Form | None, form: ReasonForm, key: UUID
) -> ResponseReturnValue:
    if not once.begin(key, actor=actor(), action=action.name, subject=account.id):
        return _again(account, key)
    try:
        _check(account, action)
        action.carry_out(Order(account, choice.data if choice else {}, form.data, actor(), key))
    except PlatformError as error:
        return _failed(account, action, choice, form, key, error)
    once.finish(key)
    flash(action.done, "success")
    return redirect(_home(account), 303)


def _again(account: Account, key: UUID) -> ResponseReturnValue:
    """The second click of a double one, or the form of a page that was gone back to."""
    flash("That was done already." if once.finished(key) else "That is being done at this moment.", "warning")
    return redirect(_home(account), 303)


def _check(account: Account, action: Action) -> None:
    if not action.fits(account):
        raise NothingToDo


def _failed(
    account: Account, action: Action, choice: Form | None, form: ReasonForm, key: UUID, error: PlatformError
) -> ResponseReturnValue:
    """Where it is not known how it went, the form keeps its number, so that what is sent again is not done twice."""
    once.release(key)
    forms.attach(form, error)
    if not isinstance(error, Unavailable):
        form.once.data = None
    return _page(account, action, choice, form), error.status


def _page(account: Account, action: Action, choice: Form | None, form: ReasonForm) -> str:
    ready = choice is None or (bool(request.args) and choice.validate())
    possible_now = action.fits(account)
    form.once.data = form.once.data or once.ticket(*_about(account, action))
    return render_template(
        "console/action.html",
        account=account,
        action=action,
        choice=choice,
        changes=action.changes(account, choice.data if choice else {}) if ready and possible_now else [],
        possible=possible_now,
        f=form,
        home=_home(account),
    )


def _about(account: Account, action: Action) -> tuple[str, str, str]:
    return actor(), action.name, account.id


def _home(account: Account) -> str:
    return url_for("console.tenant", tenant_id=account.id)
