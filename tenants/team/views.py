"""A workspace's pages about its team."""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from saas.accounts import sessions
from saas.core import attempts, forms, hosts, identity
from saas.core.database import db
from saas.core.errors import Invalid
from tenants import selling
from tenants.members import permissions
from tenants.members import service as members
from tenants.members.models import Role
from tenants.members.permissions import needs
from tenants.routing import bind, binds_later
from tenants.team import invitations, service
from tenants.team.errors import SeatsTaken, UnknownMember
from tenants.team.forms import InviteForm, RoleForm
from tenants.usage import limits
from tenants.usage.limits import SEATS

blueprint = Blueprint("team", __name__, url_prefix="/team")

MOST_INVITATIONS = 30  # of one workspace in an hour
MOST_MAILS = 10  # invitations to one address in a day, from all workspaces together


@blueprint.get("")
@needs(permissions.TEAM_READ)
@binds_later
def index() -> ResponseReturnValue:
    return _page(InviteForm())


@blueprint.post("")
@needs(permissions.TEAM_MANAGE)
@binds_later
def invite() -> ResponseReturnValue:
    form, workspace = InviteForm(), identity.tenant()
    if form.validate_on_submit():
        email = form.email.data or ""
        _limit_of_workspace()
        _limit_of_mailbox(email)
        try:
            with db.session.begin_nested():  # what is refused is not counted on the page that says so
                invitations.invite(workspace, email, Role(form.role.data), by=identity.person())
            return _back(f"An invitation is on its way to {email}.")
        except SeatsTaken as error:
            return _page(form, full=error), error.status
        except Invalid as error:
            forms.attach(form, error)
    return _page(form), 422


@blueprint.post("/invitations/<uuid:id>/resend")
@needs(permissions.TEAM_MANAGE)
@binds_later
def resend(id: UUID) -> ResponseReturnValue:  # noqa: A002
    _limit_of_workspace()
    email = invitations.resend(identity.tenant(), id, by=identity.person())
    _limit_of_mailbox(email)  # known only now; the mail is not written when this refuses
    return _back(f"A new link is on its way to {email}. The earlier one no longer works.")


@blueprint.post("/invitations/<uuid:id>/revoke")
@needs(permissions.TEAM_MANAGE, removes=True)
@binds_later
def revoke(id: UUID) -> ResponseReturnValue:  # noqa: A002
    email = invitations.revoke(identity.tenant(), id, by=identity.person())
    return _back(f"The invitation of {email} is revoked. Its link no longer works.")


@blueprint.get("/<uuid:id>")
@needs(permissions.TEAM_MANAGE)
def member(id: UUID) -> ResponseReturnValue:  # noqa: A002
    found = next((one for one in members.members() if one.id == id), None)
    if found is None:
        raise UnknownMember
    form = RoleForm(role=found.role)
    form.role.offer(_offered())
    return render_template("team/member.html", m=found, f=form, touchable=_may_touch(found.role))


@blueprint.post("/<uuid:id>/role")
@needs(permissions.TEAM_MANAGE)
@binds_later
def change_role(id: UUID) -> ResponseReturnValue:  # noqa: A002
    form = RoleForm()
    if not form.validate():
        raise Invalid("Choose one of the roles.", action=("Team", "/team"))
    service.change_role(identity.tenant().id, id, Role(form.role.data), by=identity.person().id)
    return _back("The role is changed, from the next page that they open.")


@blueprint.post("/<uuid:id>/remove")
@needs(permissions.TEAM_MANAGE, removes=True)
@binds_later
def remove(id: UUID) -> ResponseReturnValue:  # noqa: A002
    if id == identity.person().id:
        return leave()
    service.remove(identity.tenant().id, id, by=identity.person().id)
    return _back("They are out: signed out here, and their API keys are revoked.")


@blueprint.post("/leave")
@needs(permissions.TEAM_LEAVE)
@binds_later
def leave() -> ResponseReturnValue:
    service.leave(identity.tenant().id, identity.person().id)
    response = redirect(hosts.site_url("/workspaces?all=1"), 303)
    sessions.clear_cookie(response, sessions.WORKSPACE)
    return response


def _page(form: InviteForm, full: SeatsTaken | None = None) -> str:
    """`full`: why the form that came back was refused."""
    form.role.offer(_offered())
    seat_price = selling.seat_price(identity.tenant().id)
    bind()
    found, seats = members.members(), limits.allowed(identity.tenant().limits, SEATS)
    return render_template(
        "team/index.html",
        f=form,
        full=full,
        seat_price=seat_price,
        members=found,
        readers=members.unseated(found, seats),
        invitations=invitations.open_ones(),
        seats=invitations.seats(identity.tenant().id),
        touchable=_may_touch,
    )


def _back(message: str) -> ResponseReturnValue:
    flash(message, "success")
    return redirect(url_for("team.index"), 303)


def _offered() -> list[Role]:
    return [role for role in Role if _may_touch(role)]


def _may_touch(role: str) -> bool:
    return permissions.manages(identity.current().role, role)


def _limit_of_workspace() -> None:
    attempts.count("invite", identity.tenant().id, limit=MOST_INVITATIONS, seconds=3600)


def _limit_of_mailbox(email: str) -> None:
    """Nobody's is filled from here, nor by many workspaces that somebody opens for it, nor by sending again."""
    attempts.count("invite-mail", email, limit=MOST_MAILS, seconds=86_400)
