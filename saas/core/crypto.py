"""Secrets at rest: what we have to read again is stored sealed, by AES-256-GCM with a key derived from SECRET_KEY.

A sealed value holds for one context only (whose it is, and what for): moved to another row it can't be opened. The key
can't be rotated yet; the first byte says which scheme sealed a value, so that a later one can tell them apart.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from saas.core.settings import current_settings

_SCHEME = b"\x01"
_NONCE = 12  # bytes, as NIST SP 800-38D recommends


class SealBroken(ValueError):
    """The value was altered, sealed for another context, or under another SECRET_KEY."""


def seal(text: str, context: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return _SCHEME + nonce + _cipher().encrypt(nonce, text.encode(), context.encode())


def unseal(sealed: bytes, context: str) -> str:
    """Raises SealBroken."""
    if sealed[:1] != _SCHEME or len(sealed) <= 1 + _NONCE:
        raise SealBroken
    nonce, body = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
    try:
        return _cipher().decrypt(nonce, body, context.encode()).decode()
    except InvalidTag:
        raise SealBroken from None


def derived(purpose: bytes) -> bytes:
    """A key of 32 bytes of its own for a purpose, from SECRET_KEY."""
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose)
    return key.derive(current_settings().secret_key.encode())


def _cipher() -> AESGCM:
    return AESGCM(derived(b"freehold: secrets at rest, scheme 1"))
