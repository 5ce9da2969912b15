"""What all pages share: headers, amounts, dates, errors."""

import re
from datetime import UTC, datetime

from flask import Flask, g, render_template, request
from flask import Response as FlaskResponse
from werkzeug.exceptions import HTTPException

from billing.sandbox.errors import ApiError
from billing.sandbox.values import Obj

_ORIGIN = re.compile(r"https?://[\w.:\[\]-]+(?=[/?#]|$)")  # nothing that could end the policy's directive
_WITHOUT_MINOR_UNIT = {"jpy", "krw", "clp", "vnd", "xaf", "xof"}


def install(app: Flask) -> None:
    app.jinja_env.filters["money"] = money
    app.jinja_env.filters["day"] = day
    app.after_request(_protect)
    app.register_error_handler(HTTPException, _failed)
    app.register_error_handler(ApiError, _refused)


def leads_to(url: str | None) -> None:
    """Let this page's forms end at another origin, which the API call named."""
    if url and (match := _ORIGIN.match(url)):
        g.leads_to = match.group()


def money(amount: int, currency: str) -> str:
    if currency in _WITHOUT_MINOR_UNIT:
        return f"{amount:,} {currency.upper()}"
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100:,}.{abs(amount) % 100:02d} {currency.upper()}"


def day(stamp: int | None) -> str:
    return datetime.fromtimestamp(stamp, UTC).strftime("%-d %B %Y") if stamp else ""


def _protect(response: FlaskResponse) -> FlaskResponse:
    if response.mimetype == "text/html":
        action = " ".join(["form-action 'self'", *([g.leads_to] if "leads_to" in g else [])])
        policy = f"default-src 'self'; base-uri 'none'; frame-ancestors 'none'; {action}"
        response.headers["Content-Security-Policy"] = policy
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _refused(error: ApiError) -> tuple[str, int]:
    """What the page is about is there no more, such as a customer who was deleted."""
    return render_template("message.html", title="This can't be done", text=error.message, back=None), error.status


def _failed(error: HTTPException) -> tuple[str | Obj, int]:
    if request.path.startswith(("/v1/", "/v2/", "/_standin/")):
        return {
            "error": {"type": "api_error", "message": f"The stand-in for Stripe: {error.description}"}
        }, error.code or 500
    return render_template("message.html", title=error.name, text=error.description, back=None), error.code or 500
