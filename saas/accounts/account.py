"""Pages of the bare host about a person's own account: their name, and where they are signed in."""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from saas.accounts import browsers, service
from saas.accounts.forms import NameForm
from saas.core import identity

blueprint = Blueprint("account", __name__, url_prefix="/account")
blueprint.before_request(identity.only_on_site)


@blueprint.route("", methods=["GET", "POST"])
@identity.login_required
def index() -> ResponseReturnValue:
    person = identity.person()
    form = NameForm(name=person.name or "")
    if form.validate_on_submit():
        service.rename(person.id, form.name.data or "")
        flash("Your name is changed.", "success")
        return redirect(url_for("account.index"), 303)
    return render_template("accounts/account.html", f=form), 422 if form.is_submitted() else 200


@blueprint.get("/sessions")
@identity.login_required
def sessions() -> ResponseReturnValue:
    person = identity.person()
    return render_template("accounts/sessions.html", browsers=browsers.of(person.id), here=person.session_id)


@blueprint.post("/sessions/<uuid:id>/end")
@identity.login_required
def end(id: UUID) -> ResponseReturnValue:  # noqa: A002
    browsers.end(identity.person().id, id)
    flash("That browser is signed out, of its workspaces as well.", "success")
    return redirect(url_for("account.sessions"), 303)


@blueprint.post("/sessions/end-others")
@identity.login_required
def end_others() -> ResponseReturnValue:
    person = identity.person()
    browsers.end_others(person.id, but=person.session_id)
    flash("All other browsers are signed out.", "success")
    return redirect(url_for("account.sessions"), 303)
