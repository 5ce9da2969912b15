"""The signature of a webhook, as Stripe documents it: HMAC-SHA256 over the time and the body."""

import hashlib
import hmac
import time


def header(secret: str, body: bytes, at: int | None = None) -> str:
    """The value of Stripe-Signature."""
    stamp = str(int(time.time()) if at is None else at)
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"
