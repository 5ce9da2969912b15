"""What billing's pages have in common: who acts, on which form, and how often."""

from datetime import UTC, datetime
from uuid import UUID

from flask import request

from billing.entitlement import access
from billing.errors import NoPayments
from billing.gateway.connection import set_up
from billing.plans import catalog
from saas.core import attempts, identity

A_MINUTE = 30  # acts of one workspace: all of them share what Stripe allows us


def ready() -> None:
    """Raises NoPayments and TooManyAttempts."""
    if not set_up():
        raise NoPayments
    attempts.count("billing", identity.tenant().id, limit=A_MINUTE, seconds=60)


def may_ask() -> bool:
    """Whether a page may ask Stripe for amounts now; it shows itself without them where it may not."""
    return set_up() and attempts.within("billing-amount", identity.tenant().id, limit=A_MINUTE, seconds=60)


def actor() -> str:
    return f"user:{identity.person().id}"


def key() -> UUID | None:
    """Of the form that was sent, so that the same form sent twice is one act."""
    return uuid(request.form.get("key"))


def uuid(given: str | None) -> UUID | None:
    try:
        return UUID(given or "")
    except ValueError:
        return None


def moment() -> datetime | None:
    """From which the amounts that the page showed are counted."""
    given = request.form.get("at", "")
    return datetime.fromtimestamp(int(given), UTC) if given.isdecimal() and len(given) < 12 else None


def due() -> int | None:
    """What the page showed as charged now."""
    given = request.form.get("due", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 12 else None


def given(tenant: str) -> str:
    """To be said after a message about what was bought: that a plan which was given counts first."""
    grant = access.grant_of(tenant)
    if grant is None:
        return ""
    until = f" until {grant.until:%-d %B %Y}" if grant.until else ""
    return f" You were given {catalog.name_of(grant.plan)}{until}; what you pay for counts after that."


def whole(given: str | None, most: int) -> int | None:
    """A number from 1 to `most` that somebody wrote; None of anything else."""
    text = (given or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 and 1 <= int(text) <= most else None
