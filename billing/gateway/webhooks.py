"""Whether a webhook is Stripe's, and meant for us."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import stripe

from billing.errors import BadWebhook
from billing.gateway.connection import livemode
from billing.gateway.reading import at

TOLERANCE = 300  # seconds by which a signature may be old

_END_OF_TIME = 2**35  # which a column can hold

_BAD = "Its signature does not fit its body, or it is too old."


@dataclass(frozen=True)
class Envelope:
    """What is believed of an event's body: which event it is, and of which object. All else is fetched again."""

    id: str
    type: str
    livemode: bool
    text: str
    created_at: datetime | None  # at Stripe
    object_id: str | None


def verify(body: bytes, signature: str, secrets: Sequence[str]) -> Envelope:
    """Raises BadWebhook unless one of the `secrets` signed exactly these bytes within the last minutes."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadWebhook("Its body is not text.") from None
    if not any(_signed(text, signature, secret) for secret in secrets):
        raise BadWebhook(_BAD)
    return _envelope(text)


def _signed(text: str, signature: str, secret: str) -> bool:
    if not signature.isascii():  # which can't be compared
        return False
    try:
        return bool(stripe.WebhookSignature.verify_header(text, signature, secret, TOLERANCE))
    except stripe.SignatureVerificationError:
        return False


def _envelope(text: str) -> Envelope:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise BadWebhook("Its body is not JSON.") from None
    match event:
        case {"object": "event", "id": str(id_), "type": str(type_), "livemode": bool(live)}:
            if len(id_) > 255 or len(type_) > 100 or not id_.isprintable() or not type_.isprintable():
                raise BadWebhook("It is not an event.")
            if live != livemode():
                raise BadWebhook("It belongs to the other mode, live or test, than the key that is set.")
            return Envelope(id_, type_, live, text, _created(event), _object_id(event))
    raise BadWebhook("It is not an event.")


def _created(event: dict[str, Any]) -> datetime | None:
    told = event.get("created")
    return at(told) if isinstance(told, int) and 0 < told < _END_OF_TIME else None


def _object_id(event: dict[str, Any]) -> str | None:
    match event.get("data"):
        case {"object": {"id": str(id_)}} if len(id_) <= 255 and id_.isprintable():
            return id_
    return None
