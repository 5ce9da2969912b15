"""Who calls: the API key, as a bearer token or as the user of basic authentication."""

import base64
import binascii

from billing.sandbox.errors import Unauthorized

_PREFIXES = ("sk_test_", "rk_test_")


def key_of(header: str | None) -> str:
    """The key. Raises Unauthorized, in a sentence that says what to do."""
    key = _given(header or "")
    if not key:
        raise Unauthorized(
            "You did not provide an API key. Send it in the Authorization header, as a bearer token: "
            "'Authorization: Bearer YOUR_SECRET_KEY'."
        )
    if key.startswith(("sk_live_", "rk_live_")):
        raise Unauthorized("This is a stand-in for Stripe: it takes no live key. Use a key that starts with sk_test_.")
    if not key.startswith(_PREFIXES) or len(key) < 12:
        raise Unauthorized(f"Invalid API Key provided: {key[:7]}{'*' * 8}{key[-4:] if len(key) > 16 else ''}")
    return key


def _given(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
