"""The pages of a workspace's jobs."""

from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from tenants.jobs import service
from tenants.members import permissions
from tenants.members.permissions import needs

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")


@blueprint.get("")
@needs(permissions.JOBS_READ)
def index() -> ResponseReturnValue:
    return render_template("jobs/index.html", jobs=service.recent())


@blueprint.get("/<uuid:job_id>")
@needs(permissions.JOBS_READ)
def show(job_id: UUID) -> ResponseReturnValue:
    return render_template("jobs/show.html", job=service.get(job_id))
