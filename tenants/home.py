"""The pages that every member has: the first one, and usage against limits, which some may download."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from saas.core import identity
from tenants import gauges
from tenants.backend.collections import service as collections
from tenants.backend.collections.views import listed
from tenants.backend.keys import service as keys
from tenants.backend.keys.views import curl
from tenants.members import permissions
from tenants.members import service as members
from tenants.members.permissions import needs
from tenants.routing import binds_later
from tenants.usage import limits
from tenants.usage import service as usage
from tenants.usage.features import needs_feature
from tenants.usage.limits import USAGE_EXPORT

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
@binds_later
def meters() -> ResponseReturnValue:
    workspace = identity.tenant()
    return render_template(
        "tenants/usage.html", meters=gauges.meters(workspace.id), exports=limits.has(workspace.limits, USAGE_EXPORT)
    )


@blueprint.get("/usage/hours.csv")
@needs(permissions.USAGE_READ)
@needs_feature(USAGE_EXPORT)
def hours_csv() -> ResponseReturnValue:
    """What was used in each hour, oldest first, times in UTC."""
    workspace = identity.tenant()
    name = f"{workspace.address}-usage.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(usage.hours_as_csv(workspace.id), mimetype="text/csv", headers=headers)
