"""Stripe's errors, in Stripe's words where a program may look at them (type, code, param)."""

from typing import Any

_DOCS = "https://docs.stripe.com/error-codes/"


class ApiError(Exception):
    """An answer other than 200. `extra` joins the error object: decline_code, payment_intent, …"""

    status = 400
    type = "invalid_request_error"

    def __init__(self, message: str, code: str | None = None, param: str | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.message, self.code, self.param, self.extra = message, code, param, extra

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = {"message": self.message, "type": self.type}
        if self.code:
            found |= {"code": self.code, "doc_url": _DOCS + self.code.replace("_", "-")}
        if self.param:
            found["param"] = self.param
        return {"error": found | self.extra}


class Unauthorized(ApiError):
    status = 401


class NotFound(ApiError):
    status = 404


class CardDeclined(ApiError):
    status = 402
    type = "card_error"


class KeyInUse(ApiError):
    status = 409
    type = "idempotency_error"


class KeyReused(ApiError):
    type = "idempotency_error"


class TooMany(ApiError):
    """As https://docs.stripe.com/rate-limits has it."""

    status = 429

    def __init__(self) -> None:
        super().__init__(
            "Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits.",
            "rate_limit",
        )


class NotStoodIn(ApiError):
    status = 501
    type = "api_error"


class Away(ApiError):
    status = 500
    type = "api_error"


def no_such(kind: str, wanted: object, param: str | None = None) -> ApiError:
    """A missing object: 404 where the path names it, 400 where a parameter does."""
    noun = _NOUNS.get(kind, kind)
    error = ApiError if param else NotFound
    return error(f"No such {noun}: '{wanted}'", "resource_missing", param or "id")


def need_web_address(url: str | None, param: str) -> None:
    """A link on a page leads there: anything but http would run in the page. Raises ApiError."""
    if url and not url.startswith(("http://", "https://")):
        raise ApiError("Not a valid URL", "url_invalid", param)


_NOUNS = {
    "payment_method": "PaymentMethod",
    "checkout.session": "checkout.session",
    "billing_portal.configuration": "configuration",
    "test_helpers.test_clock": "test clock",
    "promotion_code": "promotion code",
    "tax_rate": "tax rate",
}
