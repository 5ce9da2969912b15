"""Entering a workspace from the bare host: a pass that works once, within seconds, in one browser.

1. The workspace sets a nonce cookie and sends the visitor to the bare host with the nonce's digest.
2. The bare host, where the visitor is signed in, issues a code bound to person, tenant and digest.
3. The workspace takes the code together with its cookie and opens a session, a child of the bare host's.
"""

from datetime import timedelta
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.accounts import codes, sessions
from saas.accounts.errors import UnusableCode
from saas.accounts.models import Purpose
from saas.accounts.views import safe_path
from saas.core import hosts, identity, tokens
from saas.core.database import db
from tenants.errors import NotAMember, UnknownWorkspace
from tenants.members import service as members
from tenants.members.models import Membership
from tenants.models import Tenant

blueprint = Blueprint("entry", __name__)
site = Blueprint("tenants", __name__)
site.before_request(identity.only_on_site)

NONCE = "nonce"


@blueprint.get("/enter")
def enter() -> ResponseReturnValue:
    workspace, nonce = identity.tenant(), tokens.new()
    wanted = {
        "to": workspace.address,
        "nonce": tokens.digest(nonce).hex(),
        "next": request.args.get("next", ""),
    }
    if hosts.by_path():
        wanted["by"] = "path"
    response = redirect(hosts.site_url(f"/pass?{urlencode(wanted)}"))
    sessions.set_cookie(response, NONCE, nonce, timedelta(minutes=10))
    return response


@site.get("/pass")
@identity.login_required
def issue_pass() -> ResponseReturnValue:
    person, address = identity.person(), request.args.get("to", "")
    query = sa.select(Tenant.id, Tenant.name, Membership.user_id).outerjoin(
        Membership, sa.and_(Membership.tenant == Tenant.id, Membership.user_id == person.id)
    )
    row = db.session.execute(query.where(Tenant.address == address)).first()
    if row is None:
        raise UnknownWorkspace("Check the address.", action=("Your workspaces", "/workspaces"))
    if row.user_id is None:
        raise NotAMember(
            f"{person.email} does not belong to the workspace at {address}.", action=("Your workspaces", "/workspaces")
        )
    try:
        nonce_digest = bytes.fromhex(request.args.get("nonce", ""))
    except ValueError:
        raise UnusableCode("Open the workspace again.") from None
    code = codes.issue(Purpose.PASS, person.id, session_id=person.session_id, tenant=row.id, nonce_digest=nonce_digest)
    wanted = url_for("entry.accept", code=code, next=request.args.get("next", ""))
    return redirect(hosts.workspace_url(address, wanted))


@blueprint.get("/enter/<code>")
def accept(code: str) -> ResponseReturnValue:
    workspace = identity.tenant()
    found = codes.redeem(Purpose.PASS, code)
    nonce = sessions.read_cookie(NONCE)
    if found.tenant != workspace.id or not nonce or found.nonce_digest != tokens.digest(nonce):
        raise UnusableCode(
            "It belongs to another browser or workspace. Open the workspace again.", action=("Open", "/home")
        )
    secret = sessions.open_session(found.user_id, parent_id=found.session_id, tenant=workspace.id)
    response = redirect(request.script_root + safe_path(request.args.get("next"), "/home"))
    sessions.set_cookie(response, sessions.WORKSPACE, secret)
    sessions.clear_cookie(response, NONCE)
    return response


@blueprint.post("/leave")
def sign_out() -> ResponseReturnValue:
    """Ends the bare host's session too, and with it those of all workspaces in this browser."""
    if person := identity.current().person:
        sessions.end(person.parent_session_id or person.session_id)
    response = redirect(hosts.site_url("/"), 303)
    sessions.clear_cookie(response, sessions.WORKSPACE)
    return response


@site.get("/workspaces")
@identity.login_required
def workspaces() -> ResponseReturnValue:
    """The one workspace of most people opens at once."""
    mine = members.workspaces_of(identity.person().id)
    if len(mine) == 1 and "all" not in request.args:
        return redirect(mine[0].url + "/home")
    return render_template("accounts/workspaces.html", workspaces=mine)
