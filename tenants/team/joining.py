"""The page of the bare host that an invitation's link opens."""

from flask import Blueprint, redirect, render_template
from flask.typing import ResponseReturnValue

from saas.accounts import sessions
from saas.accounts.forms import SignInForm
from saas.accounts.views import signed_in
from saas.core import hosts, identity
from tenants.team import acceptance
from tenants.team.acceptance import Joined, Offer
from tenants.team.forms import JoinForm

blueprint = Blueprint("invitations", __name__, url_prefix="/invitations")
blueprint.before_request(identity.only_on_site)


@blueprint.get("/<secret>")
def show(secret: str) -> ResponseReturnValue:
    """Asks for a click, since mail scanners open the links they find."""
    return _page(secret, acceptance.offer(secret))


@blueprint.post("/<secret>")
@identity.login_required
def accept(secret: str) -> ResponseReturnValue:
    person = identity.person()
    joined = acceptance.accept(secret, person.id, person.email)
    return redirect(_home(joined), 303)


@blueprint.post("/<secret>/register")
def register(secret: str) -> ResponseReturnValue:
    """With a name and password the invited address becomes an account; the link has proved that it is theirs."""
    form, found = JoinForm(), acceptance.offer(secret)
    if identity.current().person or not form.validate():
        return _page(secret, found, form), 422
    joined = acceptance.register(secret, form.name.data or "", form.password.data or "")
    return signed_in(sessions.open_session(joined.user_id), _home(joined))


def _page(secret: str, found: Offer, form: JoinForm | None = None) -> str:
    """Whoever is signed in as somebody else learns neither who was invited nor where to."""
    person = identity.current().person
    if person and person.email != found.email:
        return render_template("team/not_yours.html", secret=secret)
    return render_template(
        "team/invitation.html", offer=found, secret=secret, f=form or JoinForm(), sign_in=SignInForm(formdata=None)
    )


def _home(joined: Joined) -> str:
    return hosts.workspace_url(joined.address, "/home")
