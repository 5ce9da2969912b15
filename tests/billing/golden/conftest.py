"""The same cases at the stand-in, and at Stripe when STRIPE_TEST_KEY has a test key of an account of yours."""

import os
import secrets
from collections.abc import Iterator

import pytest
import stripe

from tests.support.standin import Process


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | None]:
    """Of a stand-in that is this worker's own; None for Stripe."""
    if os.environ.get("STRIPE_TEST_KEY"):
        yield None
        return
    process = Process(tmp_path_factory.mktemp("golden") / "state.sqlite")
    process.start()
    yield process.url
    process.stop()


@pytest.fixture
def client(address: str | None) -> stripe.StripeClient:
    if address is None:
        return stripe.StripeClient(os.environ["STRIPE_TEST_KEY"], max_network_retries=2)
    key = f"sk_test_{secrets.token_hex(8)}"
    return stripe.StripeClient(key, base_addresses={"api": address}, max_network_retries=0)
