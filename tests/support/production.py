"""Settings with which the platform takes itself for production, though nothing outside of the test is there."""

from flask import Flask

SITE = "https://freehold.example"
PRODUCTION: dict[str, str | None] = {
    "freehold_env": "production",
    "site_url": SITE,
    "secret_key": "s" * 40,
    "redis_url": "redis://127.0.0.1:1/0",
    "smtp_url": "smtp://127.0.0.1:1",
    "mail_from": "Freehold <hello@freehold.example>",
    "stripe_secret_key": None,
    "stripe_api_url": None,
}


def ready(app: Flask) -> tuple[int, str]:
    answer = app.test_client().get("/healthz/ready", base_url=app.extensions["freehold.settings"].site_url)
    return answer.status_code, answer.text
