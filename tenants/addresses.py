"""Workspace addresses: one DNS label, chosen by the business."""

import re
import unicodedata

import sqlalchemy as sa

from saas.core.database import db
from tenants.errors import AddressTaken, BadAddress
from tenants.models import Tenant

SHORTEST, LONGEST = 3, 40
_SHAPE = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")  # no hyphen at an end, nor two in a row: that is punycode's mark

# Names under which people expect the platform itself, or which mail and browsers treat specially.
RESERVED = frozenset(
    [
        "about",
        "abuse",
        "account",
        "accounts",
        "admin",
        "administrator",
        "api",
        "app",
        "apps",
        "assets",
        "auth",
        "autoconfig",
        "autodiscover",
        "billing",
        "blog",
        "careers",
        "cdn",
        "community",
        "console",
        "contact",
        "dashboard",
        "demo-login",
        "dev",
        "developer",
        "developers",
        "docs",
        "download",
        "email",
        "files",
        "freehold",
        "ftp",
        "graphql",
        "help",
        "host",
        "hostmaster",
        "imap",
        "info",
        "internal",
        "invoice",
        "invoices",
        "jobs",
        "legal",
        "localhost",
        "login",
        "logout",
        "mail",
        "metrics",
        "mta-sts",
        "news",
        "no-reply",
        "noreply",
        "notify",
        "ns",
        "ns1",
        "ns2",
        "oauth",
        "operator",
        "ops",
        "payment",
        "payments",
        "pop",
        "pop3",
        "postmaster",
        "press",
        "pricing",
        "privacy",
        "public",
        "register",
        "root",
        "sales",
        "secure",
        "security",
        "server",
        "signin",
        "signup",
        "smtp",
        "sso",
        "staging",
        "static",
        "stats",
        "status",
        "stripe",
        "support",
        "system",
        "team",
        "teams",
        "terms",
        "test",
        "testing",
        "upload",
        "webmail",
        "webhook",
        "webhooks",
        "wiki",
        "wpad",
        "www",
    ]
)


def propose(name: str) -> str:
    """A free address made of a business' name, "cafe-muller-co" of "Café Müller & Co"; "" where none can be made."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")[: LONGEST - 4].strip("-")
    if not stem:
        return ""
    if len(stem) < SHORTEST or stem in RESERVED:
        stem = f"{stem}-hq"
    wanted = [stem, *(f"{stem}-{n}" for n in range(2, 100))]
    taken = set(db.session.scalars(sa.select(Tenant.address).where(Tenant.address.in_(wanted))))
    return next((address for address in wanted if address not in taken), "")


def check(address: str) -> str:
    """The address in lower case, when it has the form of one and is free now. Raises BadAddress, AddressTaken.

    Whether it is still free in a moment is settled by the unique constraint.
    """
    address = address.strip().lower()
    if not SHORTEST <= len(address) <= LONGEST:
        raise BadAddress(f"Use {SHORTEST} to {LONGEST} characters.")
    if not _SHAPE.fullmatch(address):
        raise BadAddress("Use letters a to z, digits, and single hyphens between them.")
    if address in RESERVED:
        raise BadAddress(f"{address} is reserved for the platform. Choose another address.")
    if db.session.scalar(sa.select(sa.exists().where(Tenant.address == address))):
        raise AddressTaken(address)
    return address
