"""Secrets at rest."""

import pytest
from flask import Flask

from saas.core import crypto
from saas.core.crypto import SealBroken
from saas.core.settings import Settings
from tests.support.database import application

CONTEXT = "second factor of somebody"


@pytest.mark.parametrize("text", ["", "JBSWY3DPEHPK3PXP", "Grüße 🔑", "x" * 10_000])
def test_what_was_sealed_opens_as_it_was(app: Flask, text: str) -> None:
    with app.app_context():
        sealed = crypto.seal(text, CONTEXT)
        assert crypto.unseal(sealed, CONTEXT) == text
        assert not text or text.encode() not in sealed


def test_the_same_text_is_sealed_differently_each_time(app: Flask) -> None:
    with app.app_context():
        assert len({crypto.seal("the same", CONTEXT) for _ in range(20)}) == 20


def test_it_opens_in_its_own_context_only(app: Flask) -> None:
    with app.app_context(), pytest.raises(SealBroken):
        crypto.unseal(crypto.seal("secret", CONTEXT), "second factor of somebody else")


def test_an_altered_byte_anywhere_is_noticed(app: Flask) -> None:
    with app.app_context():
        sealed = crypto.seal("secret", CONTEXT)
        for place in range(len(sealed)):
            altered = bytearray(sealed)
            altered[place] ^= 1
            with pytest.raises(SealBroken):
                crypto.unseal(bytes(altered), CONTEXT)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" * 13, b"\x01" * 20, b"\x02" * 40])
def test_what_was_never_sealed_does_not_open(app: Flask, sealed: bytes) -> None:
    with app.app_context(), pytest.raises(SealBroken):
        crypto.unseal(sealed, CONTEXT)


def test_another_secret_key_opens_nothing(app: Flask, settings: Settings) -> None:
    with app.app_context():
        sealed = crypto.seal("secret", CONTEXT)
    with (
        application(settings, secret_key="development-" + "u" * 40) as other,
        other.app_context(),
        pytest.raises(SealBroken),
    ):
        crypto.unseal(sealed, CONTEXT)
    with application(settings) as same, same.app_context():
        assert crypto.unseal(sealed, CONTEXT) == "secret"
