"""Errors become answers: problem details (RFC 9457) for programs, a page for people."""

from http import HTTPStatus
from typing import Any, get_args

import orjson
import structlog
from flask import Flask, Response, g, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from saas.core import database, failures, identity
from saas.core.errors import PlatformError
from saas.core.failures import Failure

log = structlog.get_logger()

MIMETYPE = "application/problem+json"

_TITLES = {
    400: "That request could not be read",
    404: "There is nothing here",
    405: "That can't be done at this address",
    413: "That is too large",
    415: "That kind of body is not supported",
}
_SENTENCES = {
    400: "The request could not be read. Check its form and send it again.",
    404: "There is nothing at this address. Check it, or go back to where you came from.",
    405: "This address does not take that kind of request.",
    413: "The request is larger than what is accepted here. Send less at a time.",
    415: "Send the body as application/json.",
    422: "Nothing was stored. See what is said of each field.",
}


def init_app(app: Flask) -> None:
    app.register_error_handler(PlatformError, _platform)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    for failure in get_args(Failure):
        app.register_error_handler(failure, _database)
    app.register_error_handler(Exception, _unexpected)


def _platform(error: PlatformError) -> Response:
    detail = error.detail or _SENTENCES.get(error.status, "")
    response = answer(error.status, error.title, detail, code=error.code, fields=error.fields, action=error.action)
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _csrf(_error: CSRFError) -> Response:
    detail = (
        "The form had been open for too long, or cookies are switched off. Go back, reload the page and send it again."
    )
    return answer(HTTPStatus.BAD_REQUEST, "This form has expired", detail, code="form-expired")


def _http(error: HTTPException) -> Response:
    cause = getattr(error, "original_exception", None)  # of what failed after the view, as a commit does
    if isinstance(cause, Failure):
        return _database(cause)
    if cause is not None:
        return _unexpected(cause)
    status = HTTPStatus(error.code or 500)
    response = answer(
        status,
        _TITLES.get(status, status.phrase),
        _SENTENCES.get(status, status.description),
        code=f"http-{status.value}",
    )
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _database(error: Failure) -> Response:
    database.rollback()
    told = failures.told(error)
    return _platform(told) if told else _unexpected(error)


def _unexpected(error: Exception) -> Response:
    log.error("request.failed", exc_info=error)
    detail = "The fault is ours and has been noted. Nothing was changed. If it stays, name the request number below."
    return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong", detail, code="internal")


def answer(
    status: HTTPStatus,
    title: str,
    detail: str,
    *,
    code: str,
    fields: dict[str, str] | None = None,
    action: tuple[str, str] | None = None,
) -> Response:
    """The response for an error; the transaction is over before the page is built."""
    database.rollback()
    if action and action[1].startswith("/"):
        action = action[0], _base() + action[1]
    if request.path.startswith("/api/"):
        return _problem(status, title, detail, code, fields or {}, action)
    page = render_template("error.html", title=title, detail=detail, status=status.value, action=action)
    return Response(page, status=status.value)


def _base() -> str:
    """In front of an action's path. For a program it is the workspace, whose address it need not have called."""
    workspace = identity.current().tenant
    return workspace.url if workspace and request.path.startswith("/api/") else request.script_root


def _problem(
    status: HTTPStatus, title: str, detail: str, code: str, fields: dict[str, str], action: tuple[str, str] | None
) -> Response:
    more: dict[str, Any] = {}
    if fields:
        more["errors"] = [{"field": name, "message": message} for name, message in fields.items()]
    if action:
        more["help"] = action[1]
    body = document(status, title, detail, code, **more, request_id=g.get("request_id", ""))
    response = Response(body, status=status.value, mimetype=MIMETYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"  # which RFC 9110, section 15.5.2, asks for
    return response


def document(status: HTTPStatus, title: str, detail: str, code: str, **more: Any) -> bytes:
    """The body of an error for a program."""
    body = {"type": f"urn:freehold:problem:{code}", "title": title, "status": status.value, "detail": detail}
    return orjson.dumps(body | more) + b"\n"
