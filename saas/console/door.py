"""The back office's one door: on the bare host, for operators who have given their second factor."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from saas.accounts import sessions
from saas.accounts.second_factor import service as second_factor
from saas.console.errors import SecondFactorNeeded
from saas.core import identity
from saas.core.errors import NotFound

COOKIE = "factor"  # shows that this browser gave its second factor; the session's cookie alone does not

blueprint = Blueprint("console", __name__, url_prefix="/console")

_BEFORE_THE_FACTOR = {"console.ask_factor", "console.set_up_factor"}


@blueprint.before_request
@identity.login_required
def operators_only() -> ResponseReturnValue | None:
    """To everyone else there is no back office."""
    if not identity.current().on_site or not identity.person().operator:
        raise NotFound
    if request.endpoint in _BEFORE_THE_FACTOR or has_given_factor():
        return None
    if request.method not in {"GET", "HEAD"}:
        raise SecondFactorNeeded
    return redirect(url_for("console.ask_factor", next=request.full_path.rstrip("?")))


def has_given_factor() -> bool:
    return second_factor.fresh(identity.person().session_id, sessions.read_cookie(COOKIE))


def actor() -> str:
    """Who is at work, as the audit writes it."""
    return f"user:{identity.person().id}"
