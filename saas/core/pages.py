"""What every template may use."""

from typing import Any

from flask import Flask, g

from saas.core import identity
from saas.core.settings import current_settings


def init_app(app: Flask) -> None:
    app.context_processor(_context)


def _context() -> dict[str, Any]:
    settings = current_settings()
    here = identity.current()
    return {
        "person": here.person,
        "tenant": here.tenant,
        "site_url": settings.site_url,
        "environment": settings.freehold_env,
        "request_id": g.get("request_id", ""),
    }
