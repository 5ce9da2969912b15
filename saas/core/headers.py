"""Security headers, the same in every environment."""

from urllib.parse import urlsplit

from flask import Flask, Response, request

from saas.core.settings import Settings

_POLICY = "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self' {origins}"
_STRIPE = ("https://checkout.stripe.com", "https://billing.stripe.com")


def init_app(app: Flask, settings: Settings) -> None:
    """Forms lead from the bare host to a workspace (after sign-up and sign-in), back (after sign-out), and to pay.

    Browsers apply `form-action` to redirects as well, hence all those origins are named.
    """
    parts = urlsplit(settings.site_url)
    own = f"{settings.site_url} {parts.scheme}://*.{parts.netloc}"
    policy = _POLICY.format(origins=" ".join([own, *_payments(settings)]))

    def harden(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        if settings.production:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if not request.path.startswith("/static/"):
            headers.setdefault("Cache-Control", "no-store")
        return response

    app.after_request(harden)


def _payments(settings: Settings) -> tuple[str, ...]:
    """Where Checkout and the customer portal are."""
    if settings.stripe_secret_key is None:
        return ()
    return (settings.stripe_api_url,) if settings.stripe_api_url else _STRIPE
