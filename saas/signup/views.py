"""The bare host's first page and the sign-up."""

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.pages import cards
from saas.accounts.views import signed_in
from saas.core import attempts, forms, hosts, identity
from saas.core.errors import Forbidden, PlatformError
from saas.core.settings import current_settings
from saas.signup import choice
from saas.signup.choice import Choice
from saas.signup.forms import SignUpForm, WorkspaceForm
from saas.signup.service import SignUp, open_workspace, sign_up
from tenants import addresses

blueprint = Blueprint("signup", __name__)

_ALL = "/workspaces?all=1"


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


@blueprint.get("/pricing")
def pricing() -> ResponseReturnValue:
    if aside := identity.only_on_site():
        return aside
    interval = cards.interval_of(request.args.get("interval"))
    return render_template("signup/pricing.html", cards=cards.cards(interval), interval=interval)


@blueprint.route("/sign-up", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    if aside := identity.only_on_site():
        return aside
    person = identity.current().person
    if person and not person.confirmed:
        raise Forbidden("Confirm your email first. Then open more workspaces.", action=("Your workspaces", _ALL))
    form = WorkspaceForm() if person else SignUpForm()
    chosen = _carried(form)
    if form.validate_on_submit() and not chosen.fault:
        _limit()
        try:
            return _opened(form, person, chosen.path)
        except PlatformError as error:
            forms.attach(form, error)
    return _page("signup/new.html", form, chosen=chosen), 422 if form.is_submitted() else 200


@blueprint.get("/sign-up/address")
def address() -> ResponseReturnValue:
    """The address field alone, as the visitor types: proposed from the business' name until they have their own."""
    wanted, business = request.args.get("address", ""), request.args.get("business", "")
    form = WorkspaceForm(formdata=None, address=(wanted or addresses.propose(business[:200]))[:63])
    return _page("signup/_address.html", form, verdict=_verdict(form.address.data or ""))


def _carried(form: WorkspaceForm) -> Choice:
    """What was chosen on the pricing page: from its link to the form, and through the form's errors."""
    given = form if form.is_submitted() else None
    plan, interval = (
        (given.plan.data, given.interval.data) if given else (request.args.get("plan"), request.args.get("interval"))
    )
    chosen = choice.read(plan or "", interval or "")
    form.plan.data, form.interval.data = chosen.plan, chosen.interval
    return chosen


def _opened(form: WorkspaceForm, person: identity.Person | None, path: str) -> ResponseReturnValue:
    """Leads into the new workspace: of the person who is signed in, or of the one who signs up."""
    business, wanted = form.business.data or "", form.address.data or ""
    if person:
        tenant = open_workspace(person.id, business, wanted)
        return redirect(hosts.workspace_url(tenant.address or "", path), 303)
    opened = sign_up(SignUp(business, wanted, form["email"].data or "", form["password"].data or ""))
    return signed_in(opened.session_secret, hosts.workspace_url(opened.address, path))


def _page(template: str, form: WorkspaceForm, **context: object) -> str:
    context.setdefault("verdict", None)
    return render_template(template, f=form, host_suffix=hosts.suffix(), **context)


def _verdict(address: str) -> Verdict | None:
    if not address:
        return None
    try:
        return Verdict(True, "Free:", hosts.workspace_url(addresses.check(address)))
    except PlatformError as error:
        return Verdict(False, error.fields["address"])


def _limit() -> None:
    settings = current_settings()
    network = attempts.network(request.remote_addr)
    attempts.count("sign-up", network, limit=settings.signups_per_hour, seconds=3600)
