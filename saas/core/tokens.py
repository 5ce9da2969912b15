"""Secrets that are handed out once and stored only as a digest."""

import hashlib
import secrets


def new(length: int = 32) -> str:
    """A secret of `length` random bytes, safe in a URL and a cookie."""
    return secrets.token_urlsafe(length)


def digest(secret: str) -> bytes:
    """What is stored of a secret: 32 bytes.

    A plain SHA-256 is enough, since the secrets have 256 random bits of their own; it can be looked up by index.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
