"""API keys: shown once, stored as a digest, naming their tenant.

A key reads `fh_<mode>_<tenant>_<secret>`, so that the bare host's API knows whose it is before it looks anything up;
the secret is then looked up inside that tenant's schema, where no other tenant's key can be found.
"""

import re
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from saas.core import audit, tokens
from saas.core.database import db
from saas.core.settings import current_settings
from tenants import isolation
from tenants.backend.keys.errors import BadKey, BeyondMaker, KeyNeeded, TooManyKeys, UnknownKey
from tenants.backend.keys.models import ApiKey
from tenants.members import permissions
from tenants.members.models import Role

MOST_KEYS = 50

ROLES = (Role.VIEWER, Role.EDITOR, Role.DEVELOPER)  # that a key can have

_FORM = re.compile(r"fh_(?:test|live)_([a-z2-7]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class Verified:
    id: UUID
    role: Role


def create(label: str, *, actor: str, role: Role = Role.EDITOR) -> str:
    """Make a key for the bound tenant, which may do what its role may. Raises TooManyKeys.

    Returns its text, which can't be had again.
    """
    active = db.session.scalar(sa.select(sa.func.count()).where(ApiKey.revoked_at.is_(None))) or 0
    if active >= MOST_KEYS:
        raise TooManyKeys(f"Revoke a key first: {MOST_KEYS} are the most.")
    settings = current_settings()
    tenant, secret = isolation.bound() or "", tokens.new()
    mode = "live" if settings.production else "test"
    db.session.add(
        ApiKey(label=label, secret_digest=tokens.digest(secret), hint=secret[-4:], role=role, created_by=actor)
    )
    audit.record("key.created", actor=actor, tenant=tenant, label=label, role=role)
    return f"fh_{mode}_{tenant.removeprefix(isolation.PREFIX)}_{secret}"


def check_role(role: Role, maker: Role | None) -> None:
    """Raises BeyondMaker when a key of a role might do what somebody of the role `maker` may not."""
    if not permissions.within(role, maker):
        raise BeyondMaker(role.value)


def revoke(key_id: UUID, *, actor: str) -> None:
    """Raises UnknownKey."""
    key = db.session.get(ApiKey, key_id)
    if key is None:
        raise UnknownKey
    if key.revoked_at is None:
        key.revoked_at = sa.func.now()
        audit.record("key.revoked", actor=actor, tenant=isolation.bound(), label=key.label)


def every() -> list[ApiKey]:
    return list(
        db.session.scalars(sa.select(ApiKey).order_by(ApiKey.revoked_at.is_not(None), ApiKey.id.desc()).limit(200))
    )


def revoke_of(user_id: UUID, *, actor: str, now: Role | None = None) -> None:
    """The keys that somebody made in the bound tenant and that may more than they may `now`; None: they have left."""
    beyond = [role for role in Role if now is None or not permissions.within(role, now)]
    made = sa.select(ApiKey.id).where(
        ApiKey.created_by == f"user:{user_id}", ApiKey.role.in_(beyond), ApiKey.revoked_at.is_(None)
    )
    for key_id in db.session.scalars(made).all():
        revoke(key_id, actor=actor)


def sent(header: str) -> str:
    """The key's text in an `Authorization` header. Raises KeyNeeded."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not (text := text.strip()):
        raise KeyNeeded
    return text


def parse(text: str) -> tuple[str, str]:
    """The tenant's id and the secret that a key's text names. Raises BadKey."""
    if match := _FORM.fullmatch(text):
        return isolation.PREFIX + match[1], match[2]
    raise BadKey


def verify(secret: str) -> Verified:
    """The bound tenant's key with this secret. Raises BadKey."""
    stale = sa.func.coalesce(ApiKey.last_used_at < sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 1), sa.true())
    query = sa.select(ApiKey.id, ApiKey.role, stale.label("stale"))
    row = db.session.execute(
        query.where(ApiKey.secret_digest == tokens.digest(secret), ApiKey.revoked_at.is_(None))
    ).one_or_none()
    if row is None:
        raise BadKey
    if row.stale:
        # Once a minute, so that reading through the API is not writing as well.
        # Whoever is writing it at this moment keeps the row until they commit, which may be late.
        free = sa.select(ApiKey.id).where(ApiKey.id == row.id).with_for_update(skip_locked=True)
        db.session.execute(sa.update(ApiKey).where(ApiKey.id.in_(free)).values(last_used_at=sa.func.now()))
    return Verified(row.id, row.role)
