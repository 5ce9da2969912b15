"""The bare host's first page and the sign-up."""

from dataclasses import dataclass

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.accounts.views import signed_in
from saas.core import attempts, forms, hosts, identity
from saas.core.errors import PlatformError
from saas.core.settings import Settings
from saas.signup.forms import SignUpForm
from saas.signup.service import SignUp, sign_up
from tenants import addresses

blueprint = Blueprint("signup", __name__)


@dataclass(frozen=True)
class Verdict:
    ok: bool
    message: str
    url: str = ""


@blueprint.get("/")
def landing() -> ResponseReturnValue:
    if not identity.current().on_site:
        return redirect(url_for("workspace.home"))
    return render_template("signup/landing.html")


@blueprint.route("/sign-up", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    if aside := identity.only_on_site():
        return aside
    form = SignUpForm()
    if form.validate_on_submit():
        _limit()
        try:
            opened = sign_up(_wanted(form))
        except PlatformError as error:
            forms.attach(form, error)
        else:
            return signed_in(opened.session_secret, hosts.workspace_url(opened.address, "/home"))
    return _page("signup/new.html", form), 422 if form.is_submitted() else 200


@blueprint.get("/sign-up/address")
def address() -> ResponseReturnValue:
    """The address field alone, as the visitor types: proposed from the business' name until they have their own."""
    wanted, business = request.args.get("address", ""), request.args.get("business", "")
    form = SignUpForm(formdata=None, address=(wanted or addresses.propose(business[:200]))[:63])
    return _page("signup/_address.html", form, verdict=_verdict(form.address.data or ""))


def _page(template: str, form: SignUpForm, **context: object) -> str:
    context.setdefault("verdict", None)
    return render_template(template, f=form, host_suffix=hosts.suffix(), **context)


def _verdict(address: str) -> Verdict | None:
    if not address:
        return None
    try:
        return Verdict(True, "Free:", hosts.workspace_url(addresses.check(address)))
    except PlatformError as error:
        return Verdict(False, error.fields["address"])


def _wanted(form: SignUpForm) -> SignUp:
    return SignUp(
        business=form.business.data or "",
        address=form.address.data or "",
        email=form.email.data or "",
        password=form.password.data or "",
    )


def _limit() -> None:
    settings: Settings = current_app.extensions["freehold.settings"]
    network = attempts.network(request.remote_addr)
    attempts.count("sign-up", network, limit=settings.signups_per_hour, seconds=3600)
