"""Time-based codes (RFC 6238): which step a code belongs to."""

import hmac
import time

import pyotp

STEP = 30  # seconds that a code is shown for
DRIFT = 1  # steps that the app's clock may be off, either way
_ISSUER = "Freehold"


def new_secret() -> str:
    """160 random bits in base32, as RFC 4226 recommends."""
    return pyotp.random_base32()


def url(secret: str, name: str) -> str:
    """What an app's QR code holds."""
    return pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=name, issuer_name=_ISSUER)


def matching_step(secret: str, code: str) -> int | None:
    """The step that a code belongs to, if it is within the drift of now."""
    totp = pyotp.TOTP(secret, interval=STEP)
    matching = [
        step
        for step in range(now() - DRIFT, now() + DRIFT + 1)
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode())
    ]
    return max(matching, default=None)


def now() -> int:
    return int(time.time()) // STEP
