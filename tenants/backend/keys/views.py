"""The page of a workspace's API keys."""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from saas.core import forms, hosts, identity
from saas.core.errors import PlatformError
from tenants.backend.collections import service as collections
from tenants.backend.collections.views import actor
from tenants.backend.keys import service
from tenants.backend.keys.forms import KeyForm
from tenants.members import permissions
from tenants.members import service as members
from tenants.members.models import Role
from tenants.members.permissions import needs
from tenants.routing import bind, binds_later

blueprint = Blueprint("keys", __name__, url_prefix="/keys")


@blueprint.route("", methods=["GET", "POST"])
@needs(permissions.KEYS_MANAGE)
@binds_later
def index() -> ResponseReturnValue:
    """The new key is in the answer to the form itself, the only time that it can be read."""
    form, secret = KeyForm(), None
    good = form.validate_on_submit()
    maker = _role_now() if good else None
    bind()
    if good:
        try:
            role = Role(form.role.data)
            service.check_role(role, maker)
            secret = service.create(form.label.data or "", actor=actor(), role=role)
            form = KeyForm(formdata=None)
        except PlatformError as error:
            forms.attach(form, error)
    failed = form.is_submitted() and secret is None and bool(form.errors or form.form_errors)
    page = render_template(
        "keys/index.html", keys=service.every(), f=form, secret=secret, curl=curl(secret) if secret else None
    )
    return page, 422 if failed else 200


@blueprint.post("/<uuid:id>/revoke")
@needs(permissions.KEYS_MANAGE, removes=True)
def revoke(id: UUID) -> ResponseReturnValue:  # noqa: A002
    service.revoke(id, actor=actor())
    flash("The key is revoked. Programs that use it are refused from now on.", "success")
    return redirect(url_for("keys.index"), 303)


def _role_now() -> Role | None:
    """Under the team's lock, since what it was as the request began may be over. Raises NotPermitted."""
    tenant = identity.tenant().id
    members.lock(tenant)
    role = members.role_of(tenant, identity.person().id)
    permissions.refuse(role, permissions.KEYS_MANAGE)
    return role


def curl(secret: str) -> str:
    """A command line that lists the first collection, or the collections while there is none."""
    first = next(iter(collections.every()), None)
    path = f"/api/v1/collections/{first.name}/records" if first else "/api/v1/collections"
    return f'curl -H "Authorization: Bearer {secret}" {hosts.site_url(path)}'
