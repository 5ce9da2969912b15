"""Requests as a stranger sends them, to the application in this process: all of its own code, and no proxy."""

from contextvars import Context
from typing import NamedTuple
from urllib.parse import urlsplit

from flask import current_app
from werkzeug.test import Client

from saas.core.edge import UNLOGGED, cookie_name
from saas.core.settings import current_settings
from tenants.probe.outcomes import Answer

# Of those that RFC 5737 keeps for documentation: a limit by networks that is used up here is nobody's.
_ENVIRONMENT = {"REMOTE_ADDR": "192.0.2.7", UNLOGGED: True}
_BUSY = {429, 502, 503, 504}


class Response(NamedTuple):
    status: int
    text: str  # of headers and body

    @property
    def answer(self) -> Answer:
        return Answer(self.text, self.status >= 300, str(self.status) if self.status in _BUSY else "")


def get(address: str | None, path: str, *, cookies: dict[str, str] | None = None, key: str = "") -> Response:
    return ask("GET", address, path, cookies=cookies, key=key)


def ask(
    method: str,
    address: str | None,
    path: str,
    *,
    cookies: dict[str, str] | None = None,
    key: str = "",
    body: dict[str, str] | None = None,
) -> Response:
    """Of a workspace, or of the bare host where there is no address; `body` as JSON. Redirects are not followed."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if cookies:
        names = {cookie_name(current_settings(), kind): secret for kind, secret in cookies.items()}
        headers["Cookie"] = "; ".join(f"{name}={secret}" for name, secret in names.items())
    client, base = Client(current_app.wsgi_app, use_cookies=False), _origin(address)

    def send() -> Response:
        with client.open(
            path, base_url=base, method=method, headers=headers, json=body, environ_overrides=_ENVIRONMENT
        ) as response:
            return Response(response.status_code, f"{response.headers}\n{response.get_data(as_text=True)}")

    return Context().run(send)  # a fresh one: else the request would take over the context of the job


def _origin(address: str | None) -> str:
    parts = urlsplit(current_settings().site_url)
    return f"{parts.scheme}://{address}.{parts.netloc}" if address else f"{parts.scheme}://{parts.netloc}"
