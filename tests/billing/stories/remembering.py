"""Asks Stripe each question once: a life that is over is answered the same for ever, and a run is to be cheap."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stripe
from flask import Flask

from billing.gateway import connection


class Remembering(stripe.RequestsClient):
    """Keeps what was answered to each GET, byte for byte, as long as it is `on`."""

    def __init__(self) -> None:
        super().__init__(timeout=connection.PATIENCE)
        self.on = False
        self._known: dict[str, Any] = {}

    def request_with_retries(self, method: str, url: str, *given: Any, **named: Any) -> Any:
        if method != "get" or not self.on:
            return super().request_with_retries(method, url, *given, **named)
        if url not in self._known:
            self._known[url] = super().request_with_retries(method, url, *given, **named)
        return self._known[url]


@contextmanager
def installed(app: Flask) -> Iterator[Remembering]:
    """The application's client asks through it."""
    made, before = Remembering(), app.extensions.get(connection._KEY)
    settings = app.extensions["freehold.settings"]
    app.extensions[connection._KEY] = stripe.StripeClient(
        settings.stripe_secret_key,
        stripe_version=connection.API_VERSION,
        base_addresses={"api": settings.stripe_api_url} if settings.stripe_api_url else None,
        max_network_retries=connection.RETRIES,
        http_client=made,
    )
    yield made
    app.extensions[connection._KEY] = before  # None: another is built when it is needed
