"""The pages that every member has: the first one, and usage against limits."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from saas.core import identity
from tenants.backend.collections import service as collections
from tenants.backend.collections.views import listed
from tenants.backend.keys import service as keys
from tenants.backend.keys.views import curl
from tenants.members import permissions
from tenants.members import service as members
from tenants.members.permissions import needs
from tenants.usage import service as usage

blueprint = Blueprint("workspace", __name__)

_NEW = timedelta(days=1)  # so long the first steps are shown once all of them are done


@blueprint.get("/home")
@needs(permissions.WORKSPACE_OPEN)
def home() -> ResponseReturnValue:
    readable = permissions.may(identity.current().role, permissions.RECORDS_READ)
    known = keys.every()
    opened_at = identity.tenant().opened_at
    return render_template(
        "tenants/home.html",
        collections=listed(collections.every()) if readable else [],
        has_key=any(key.revoked_at is None for key in known),
        new=opened_at is None or opened_at > datetime.now(UTC) - _NEW,
        called_at=max((key.last_used_at for key in known if key.last_used_at), default=None),
        curl=curl("YOUR-KEY"),
        members=members.members(),
    )


@blueprint.get("/usage")
@needs(permissions.USAGE_READ)
def meters() -> ResponseReturnValue:
    return render_template("tenants/usage.html", meters=usage.meters(identity.tenant().id))
