"""A workspace's first page."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from tenants.backend.collections import service as collections
from tenants.backend.collections.views import listed
from tenants.backend.keys import service as keys
from tenants.backend.keys.views import curl
from tenants.members import service as members
from tenants.routing import enter

blueprint = Blueprint("workspace", __name__)
blueprint.before_request(enter)


@blueprint.get("/home")
def home() -> ResponseReturnValue:
    active = [key for key in keys.every() if key.revoked_at is None]
    return render_template(
        "tenants/home.html",
        collections=listed(collections.every()),
        has_key=bool(active),
        curl=curl("YOUR-KEY"),
        members=members.members(),
    )
