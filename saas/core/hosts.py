"""Which host is whose: the bare host is the site, its subdomains are workspaces."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import has_request_context, request

from saas.core.errors import NotFound
from saas.core.settings import current_settings

_PATH = re.compile(r"/w/([a-z0-9-]{1,63})(?=/|$)")
_MARK = "freehold.address"  # set by the middleware, in development only

StartResponse = Callable[..., Any]


class UnknownHost(NotFound):
    title = "There is no site under this name"


class PathWorkspaces:
    """Lets `/w/<address>/…` on the bare host stand for `<address>.<host>/…`, where subdomains don't resolve.

    Only for development: workspaces would share one origin, and so each other's pages, in production.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if match := _PATH.match(environ.get("PATH_INFO", "")):
            environ[_MARK] = match.group(1)
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + match.group()
            environ["PATH_INFO"] = environ["PATH_INFO"][match.end() :] or "/"
        return self.app(environ, start_response)


def address() -> str | None:
    """The address of the workspace that the request is for; None on the bare host. Raises UnknownHost."""
    if marked := request.environ.get(_MARK):
        return str(marked)
    bare = urlsplit(current_settings().site_url).hostname or ""
    host = (urlsplit(f"//{request.host}").hostname or "").rstrip(".")
    # A container's probe asks by the pod's IP address; it gets the site's health and metrics and nothing else.
    if host == bare or request.blueprint == "health":
        return None
    label, dot, rest = host.partition(".")
    if dot and rest == bare:
        return label
    if not current_settings().production and host == "127.0.0.1":
        return None
    raise UnknownHost(f"{host} is not served here. The site is at {current_settings().site_url}.")


def by_path() -> bool:
    """Whether the visitor reaches workspaces under `/w/<address>/`; a job has no visitor."""
    if not has_request_context():
        return False
    settings = current_settings()
    return not settings.production and (_MARK in request.environ or request.args.get("by") == "path")


def site_url(path: str = "") -> str:
    return current_settings().site_url + path


def workspace_url(address: str, path: str = "") -> str:
    """Where a workspace is, in the form that the visitor uses."""
    parts = urlsplit(current_settings().site_url)
    if by_path():
        return f"{current_settings().site_url}/w/{address}{path}"
    return f"{parts.scheme}://{address}.{parts.netloc}{path}"


def suffix() -> str:
    """What stands behind a workspace's address: ".example.com"."""
    return "." + urlsplit(current_settings().site_url).netloc
