"""The edge of a request: who asks, by which number it is known, and how its transaction ends."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import IO, Any
from urllib.parse import parse_qsl
from uuid import uuid4

import orjson
import structlog
from flask import Flask, Request, Response, g, request
from flask.json.provider import JSONProvider
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf import CSRFProtect
from itsdangerous import BadSignature
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import BadHost, BadRequest
from werkzeug.formparser import FormDataParser

from saas.core import database
from saas.core.errors import Forbidden
from saas.core.settings import Settings, current_settings

log = structlog.get_logger()
csrf = CSRFProtect()

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_SECRET = re.compile(r"^(/(?:reset|confirm|link|enter|invitations)/).+", re.DOTALL)
_QUIET = ("/healthz/", "/static/", "/metrics")
_CLOCKS_DIFFER = timedelta(hours=2)  # at most, those of two processes
UNLOGGED = "freehold.unlogged"  # in the environment of requests that the process sends to itself


class FastJson(JSONProvider):
    """orjson, which passes on JSON that PostgreSQL has already written (`orjson.Fragment`)."""

    def dumps(self, obj: Any, **_options: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        return Response(orjson.dumps(self._prepare_response_obj(args, kwargs)) + b"\n", mimetype="application/json")


class FormParser(FormDataParser):
    """Turns broken UTF-8 into U+FFFD, which `text.fault` refuses at its field; werkzeug would keep `%FF` as text."""

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        if mimetype != "application/x-www-form-urlencoded":
            return super().parse(stream, mimetype, content_length, options)
        pairs = parse_qsl(stream.read().decode(errors="replace"), keep_blank_values=True)
        return stream, self.cls(pairs), self.cls()


class EdgeRequest(Request):
    form_data_parser_class = FormParser


class FormCookies(SecureCookieSessionInterface):
    """Takes the cookie that form tokens are tied to from a process whose clock is ahead of ours; Flask refuses it."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        signer, signed = self.get_signing_serializer(app), request.cookies.get(self.get_cookie_name(app))
        if signer is None or not signed:
            return self.session_class()
        try:
            kept, signed_at = signer.loads(signed, return_timestamp=True)
        except BadSignature:
            return self.session_class()
        lives = -_CLOCKS_DIFFER <= datetime.now(UTC) - signed_at <= app.permanent_session_lifetime
        return self.session_class(kept if lives else None)


def init_app(app: Flask, settings: Settings) -> None:
    app.json = FastJson(app)
    app.request_class = EdgeRequest
    app.session_interface = FormCookies()
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_body_bytes,
        SESSION_COOKIE_NAME=cookie_name(settings, "form"),
        SESSION_COOKIE_SECURE=settings.production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # as long as the cookie it is tied to
        WTF_CSRF_SSL_STRICT=False,  # asks for a Referer, which some leave out; the Origin is looked at here
    )
    app.before_request(_begin)  # before the form token is looked at: a refused form has a number too
    csrf.init_app(app)
    app.after_request(_finish)  # the last to run, since Flask takes them in reverse order


def cookie_name(settings: Settings, name: str) -> str:
    """`__Host-` makes browsers refuse the cookie from a subdomain or without TLS."""
    return f"__Host-fh-{name}" if settings.production else f"fh-{name}"


def _begin() -> Response | None:
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    if isinstance(request.routing_exception, BadHost):
        return Response("The Host header is malformed.\n", 400, mimetype="text/plain")  # no page can be linked from it
    if "\0" in request.path or b"%00" in request.query_string:
        raise BadRequest  # PostgreSQL knows no such text, so nothing is called that
    origin = request.headers.get("Origin")
    if request.method not in {"GET", "HEAD", "OPTIONS"} and origin and not _own(origin) and not _for_programs():
        raise Forbidden("This form was sent from another site. Open the page here and send it again.")
    return None


def _own(origin: str) -> bool:
    """The scheme is the site's: behind a proxy that ends TLS the request itself came by http."""
    scheme = current_settings().site_url.partition(":")[0]
    return origin == f"{scheme}://{request.host}"


def _for_programs() -> bool:
    """The API takes no cookies, so a page of another origin gains nothing by calling it."""
    return request.path.startswith("/api/")


def _loggable_path() -> str:
    """A log is no place for the secrets that some paths carry."""
    return _SECRET.sub(r"\1…", request.path)


def _finish(response: Response) -> Response:
    """What the visitor is told has happened, has happened: commit before the answer leaves, or undo it all."""
    if response.status_code < 400:
        database.commit()
    else:
        database.rollback()
    response.headers["X-Request-ID"] = g.get("request_id", "")
    if not request.path.startswith(_QUIET) and UNLOGGED not in request.environ:
        milliseconds = round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1)
        log.info(
            "request",
            method=request.method,
            path=_loggable_path(),
            status=response.status_code,
            ms=milliseconds,
        )
    return response
