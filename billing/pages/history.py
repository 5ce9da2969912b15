"""Why a workspace has what it has, and since when."""

from functools import partial

from flask import render_template

from billing.pages.plans import blueprint
from billing.why import explaining, phrases
from saas.core import identity
from tenants.members import permissions
from tenants.members.permissions import needs
from tenants.routing import binds_later


@blueprint.get("/history")
@needs(permissions.BILLING_READ)
@binds_later
def history() -> str:
    tenant = identity.tenant().id
    found = explaining.explain(tenant, partial(phrases.to_members, tenant=tenant), most=100)
    return render_template("billing/history.html", found=found)
