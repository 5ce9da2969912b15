"""One client for a process, and what each call of it has in common: no transaction, named errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from http import HTTPStatus
from typing import ParamSpec, TypeVar

import stripe
import structlog
from flask import current_app

from billing.errors import CardDeclined, Missing, NoPayments, OtherForm, Refused, StripeAway, StripeFailed
from saas.core.database import check_outside
from saas.core.settings import current_settings

API_VERSION = "2026-10-28.endive"
PATIENCE = (3.0, 10.0)  # seconds to connect, and between two bytes of an answer
RETRIES = 2  # of a call that met no answer or a conflict; safe, since calls that create carry a key

_KEY = "freehold.stripe"
_LIVE = ("sk_live_", "rk_live_")

P = ParamSpec("P")
Result = TypeVar("Result")

log = structlog.get_logger()
calls: dict[str, Callable[..., object]] = {}  # every function that reaches Stripe, by its dotted name


def reaches_stripe(function: Callable[P, Result]) -> Callable[P, Result]:
    """Refuse to run while a transaction is open (TransactionOpen), and raise our own errors for Stripe's.

    Those are StripeAway, CardDeclined, Missing, Refused and, where no key is set, NoPayments.
    """

    @wraps(function)
    def guarded(*arguments: P.args, **options: P.kwargs) -> Result:
        check_outside()
        with _named_errors():
            return function(*arguments, **options)

    calls[f"{function.__module__}.{function.__name__}"] = guarded
    return guarded


def client() -> stripe.StripeClient:
    """Raises NoPayments when no key is set."""
    made: stripe.StripeClient | None = current_app.extensions.get(_KEY)
    if made is None:
        made = current_app.extensions[_KEY] = _build()
    return made


def livemode() -> bool:
    """Whether the key that is set moves real money."""
    return (current_settings().stripe_secret_key or "").startswith(_LIVE)


def set_up() -> bool:
    return current_settings().stripe_secret_key is not None


def _build() -> stripe.StripeClient:
    settings = current_settings()
    if settings.stripe_secret_key is None:
        raise NoPayments
    return stripe.StripeClient(
        settings.stripe_secret_key,
        stripe_version=API_VERSION,
        base_addresses={"api": settings.stripe_api_url} if settings.stripe_api_url else None,
        max_network_retries=RETRIES,
        http_client=stripe.RequestsClient(timeout=PATIENCE),
    )


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except stripe.CardError as error:
        raise CardDeclined(error.user_message or "The card was declined.") from error
    except stripe.IdempotencyError as error:
        log.warning("stripe.key_reused", error=_about(error))
        raise (StripeAway if error.http_status == HTTPStatus.CONFLICT else OtherForm) from error
    except stripe.InvalidRequestError as error:
        log.warning("stripe.refused", code=error.code, error=_about(error))
        if error.http_status == HTTPStatus.CONFLICT:  # the same call is under way still
            raise StripeAway from error
        if error.code == "resource_missing" and error.http_status == HTTPStatus.NOT_FOUND:
            raise Missing from error
        raise Refused(error.user_message or "It could not be done.") from error
    except stripe.StripeError as error:  # no answer, one without sense, too many calls, a key that is refused
        log.warning("stripe.away", kind=type(error).__name__, error=_about(error))
        answered = (error.http_status or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR
        raise (StripeFailed if answered else StripeAway) from error


def _about(error: stripe.StripeError) -> str:
    """Stripe's own number of the request leads to all about it in its dashboard."""
    return f"{error.user_message or ''} ({error.request_id or 'no request'})"[:300]
