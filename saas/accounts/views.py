"""Pages of the bare host on which people sign in, confirm their email and reset a password."""

import re

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug import Response

from saas.accounts import codes, service, sessions
from saas.accounts.forms import ForgotForm, ResetForm, SignInForm
from saas.accounts.models import Purpose
from saas.core import attempts, forms, identity
from saas.core.errors import PlatformError

blueprint = Blueprint("accounts", __name__)
blueprint.before_request(identity.only_on_site)


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    form = SignInForm(next=request.args.get("next", ""))
    if form.validate_on_submit():
        _limit("sign-in", form.email.data or "")
        try:
            user = service.authenticate(form.email.data or "", form.password.data or "")
        except PlatformError as error:
            forms.attach(form, error)
        else:
            return signed_in(sessions.open_session(user.id), safe_path(form.next.data))
    return render_template("accounts/sign_in.html", f=form), 422 if form.is_submitted() else 200


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    if person := identity.current().person:
        sessions.end(person.session_id)
    response = redirect(safe_path(request.form.get("next"), "/"), 303)
    sessions.clear_cookie(response, sessions.SITE)
    return response


@blueprint.route("/forgot", methods=["GET", "POST"])
def forgot() -> ResponseReturnValue:
    form = ForgotForm()
    if form.validate_on_submit():
        _limit("reset", form.email.data or "")
        if attempts.within("reset-mail", form.email.data or "", limit=5, seconds=3600):  # nobody's mailbox is filled
            service.ask_to_reset(form.email.data or "")
        return render_template("accounts/forgot_sent.html", email=form.email.data)
    return render_template("accounts/forgot.html", f=form), 422 if form.is_submitted() else 200


@blueprint.route("/reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> ResponseReturnValue:
    email = service.email_of(codes.peek(Purpose.RESET, token).user_id)
    form = ResetForm()
    if form.validate_on_submit():
        user = service.reset_password(token, form.password.data or "")
        return signed_in(sessions.open_session(user.id), "/workspaces")
    return render_template("accounts/reset.html", f=form, email=email), 422 if form.is_submitted() else 200


@blueprint.route("/confirm/<token>", methods=["GET", "POST"])
def confirm(token: str) -> ResponseReturnValue:
    """Asks for a click, since mail scanners open the links they find."""
    if request.method == "POST":
        return render_template("accounts/confirmed.html", email=service.confirm(token).email)
    code = codes.peek(Purpose.CONFIRM, token)
    return render_template("accounts/confirm.html", email=service.email_of(code.user_id))


@blueprint.post("/confirm")
@identity.login_required
def resend() -> ResponseReturnValue:
    person = identity.person()
    attempts.count("confirm", str(person.id), limit=5, seconds=3600)
    service.ask_to_confirm(service.by_email(person.email))
    return render_template("accounts/confirm_sent.html", email=person.email)


@blueprint.get("/link/<token>")
def link(token: str) -> ResponseReturnValue:
    """A link that `saas users link` made: opens signed in."""
    code = codes.redeem(Purpose.LINK, token)
    return signed_in(sessions.open_session(code.user_id), safe_path(request.args.get("next")))


def signed_in(secret: str, target: str) -> Response:
    """Sets the bare host's cookie and leads on. A browser has one session: what it was signed in with before ends."""
    if before := identity.current().person:
        sessions.end(before.session_id)
    response = redirect(target, 303)
    sessions.set_cookie(response, sessions.SITE, secret)
    return response


def _limit(action: str, email: str) -> None:
    """An hour's tries of one network, and of one network at one account.

    There is no limit for an account alone: with it, anybody could lock its owner out.
    """
    network = attempts.network(request.remote_addr)
    attempts.count(action, network, limit=60, seconds=3600)
    attempts.count(action, f"{network} {email}", limit=10, seconds=3600)


def safe_path(wanted: str | None, otherwise: str = "/workspaces") -> str:
    """A path of this host: never another site."""
    if wanted and re.fullmatch(r"/(?![/\\])[^\x00-\x20\\]*", wanted):
        return wanted
    return otherwise
