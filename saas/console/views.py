"""The back office, on the bare host, for operators."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from saas.console import service
from saas.core import identity
from saas.core.errors import NotFound

blueprint = Blueprint("console", __name__, url_prefix="/console")


@blueprint.before_request
@identity.login_required
def operators_only() -> ResponseReturnValue | None:
    """To everyone else there is no back office."""
    if not identity.current().on_site or not identity.person().operator:
        raise NotFound
    return None


@blueprint.get("")
def index() -> ResponseReturnValue:
    search, state = request.args.get("q", "")[:100], request.args.get("state", "")
    counts = service.tenant_counts()
    spares = counts.pop("spare", 0)
    return render_template(
        "console/index.html",
        tenants=service.tenants(search, state),
        counts=counts,
        spares=spares,
        jobs=service.job_counts(),
        q=search,
        state=state,
    )
