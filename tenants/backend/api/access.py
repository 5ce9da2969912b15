"""The door of the API: whose key it is, what it may do, and how often."""

import structlog
from flask import current_app, g, request

from saas.core import hosts
from tenants import admission
from tenants.backend.keys import service as keys
from tenants.backend.keys.errors import BadKey
from tenants.errors import CallsUsedUp, UnknownWorkspace
from tenants.routing import bind_by_id
from tenants.usage import flows, throttle
from tenants.usage.limits import API_CALLS


def authenticate() -> None:
    """Parse the key, bind the tenant that it names, look it up in that tenant's schema, and check its role."""
    text = keys.sent(request.headers.get("Authorization", ""))
    tenant_id, secret = keys.parse(text)
    address = hosts.address()
    try:
        workspace, calls_left = bind_by_id(tenant_id)
        key = keys.verify(secret)
    except (UnknownWorkspace, BadKey):
        throttle.of(current_app).forget(text)
        raise BadKey from None
    throttle.of(current_app).remember(text, workspace.id)
    throttle.enter(workspace.id)
    if address is not None and address != workspace.address:
        raise BadKey
    g.actor = f"key:{key.id}"
    structlog.contextvars.bind_contextvars(actor=g.actor)
    admission.admit(workspace, key.role)  # before it counts: what is refused is not paid for
    if calls_left is not None and calls_left <= 0:
        raise CallsUsedUp
    flows.of(current_app).count(workspace.id, API_CALLS)
