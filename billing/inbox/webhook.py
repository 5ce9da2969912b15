"""Stripe's door: on the bare host, for nobody else."""

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from billing.errors import BadWebhook, WebhookClosed
from billing.gateway import webhooks
from billing.gateway.connection import set_up
from billing.inbox import events, measures
from saas.core import identity
from saas.core.edge import csrf
from saas.core.errors import NotFound
from saas.core.settings import current_settings

blueprint = Blueprint("stripe", __name__)
blueprint.record_once(lambda state: measures.init_app(state.app))
csrf.exempt(blueprint)  # a signature is asked for

MOST_BYTES = 512 * 1024


@blueprint.post("/billing/webhook")
def receive() -> Response:
    """Verified, stored, and answered once that is committed; a job does the rest."""
    if not identity.current().on_site:
        raise NotFound
    secrets = [secret.strip() for secret in (current_settings().stripe_webhook_secret or "").split(",")]
    if not set_up() or not any(secrets):
        raise WebhookClosed
    signature = request.headers.get("Stripe-Signature", "")
    new = events.receive(webhooks.verify(_body(), signature, [secret for secret in secrets if secret]))
    return jsonify(received=True, new=new)


def _body() -> bytes:
    request.max_content_length = MOST_BYTES
    try:
        return request.get_data()
    except HTTPException:
        raise BadWebhook("Its body is too large.") from None
