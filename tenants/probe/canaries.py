"""The probe's two tenants: opened as a business is, and put right where something of them is missing.

Nobody can choose their addresses or sign in to them: the owners have no password, and addresses of mail that no form
takes. The secrets of their sessions and keys are kept sealed, so that no run has to make new ones.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from saas.accounts import sessions
from saas.accounts.models import SignIn, User
from saas.core import crypto
from saas.core.database import db, transaction
from tenants import provisioning
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.backend.collections.design import Collection, Field
from tenants.backend.collections.errors import UnknownCollection
from tenants.backend.keys import service as keys
from tenants.backend.keys.errors import BadKey
from tenants.members import service as members
from tenants.members.models import Role
from tenants.models import Canary, State, Tenant
from tenants.probe.contexts import inside
from tenants.probe.sides import Entry, Side
from tenants.usage import limits

ADDRESSES = ("canary--a", "canary--b")  # which `addresses.check` takes from nobody: two hyphens in a row
MARKERS = "markers"  # their collection, of the same design on both sides, as what is remembered by it is shared
KEPT = 20  # markers of earlier runs

_LOCK = 7_301_007  # of the advisory lock that lets one process at a time open and mend them
_ACTOR = "system"
_NOTHING = Entry("", "", "")


class _Account(NamedTuple):
    tenant: str
    sign: str
    person: UUID
    preparing: bool


def ready() -> tuple[Side, Side]:
    """Both, with a new marker each."""
    first, second = (_ready(address) for address in ADDRESSES)
    return first, second


def known() -> Sequence[Tenant]:
    """Those that there are by now, by address."""
    mine = sa.select(Tenant).join(Canary, Canary.tenant == Tenant.id)
    return db.session.scalars(mine.order_by(Tenant.address)).all()


def _ready(address: str) -> Side:
    account = _open(address)
    if account.preparing:
        provisioning.provision(account.tenant)
    marker = f"{account.sign}-{secrets.token_hex(16)}"
    with transaction():
        _one_at_a_time()
        entry, key_id = _enter(account)
        record = _mark(account, marker)
    return Side(
        account.tenant, address, account.sign, marker, entry, account.person, key_id, record, MARKERS
    )  # fmt: skip


def _open(address: str) -> _Account:
    with transaction():
        _one_at_a_time()
        found = db.session.scalar(sa.select(Tenant).where(Tenant.address == address))
        tenant = found or provisioning.claim("Canary", address)
        canary = db.session.get(Canary, tenant.id)
        if canary is None:
            canary = Canary(tenant=tenant.id, sign=secrets.token_hex(8))
            db.session.add(canary)
        tenant.name = f"Canary {canary.sign}"
        tenant.limits = {limit.name: None for limit in limits.every()}
        person = _owner(tenant.id, address, canary.sign)
        return _Account(tenant.id, canary.sign, person, tenant.state == State.PREPARING)


def _owner(tenant: str, address: str, sign: str) -> UUID:
    email = f"{address}@freehold.invalid"  # RFC 2606: a name that mail never reaches
    person = db.session.scalar(sa.select(User).where(User.email == email))
    if person is None:
        person = User(email=email)
        db.session.add(person)
    person.name, person.confirmed_at = f"Owner {sign}", person.confirmed_at or sa.func.now()
    db.session.flush()
    if members.role_of(tenant, person.id) is None:
        members.add(tenant, person.id, Role.OWNER)
    return person.id


def _enter(account: _Account) -> tuple[Entry, UUID]:
    """The secrets that are kept, or new ones for those that open nothing any more."""
    canary = db.session.get_one(Canary, account.tenant)
    kept = _unsealed(canary)
    site, workspace = _signed_in(account, kept)
    key, key_id = _key(account, kept)
    entry = Entry(site, workspace, key)
    if entry != kept:
        canary.entry = crypto.seal(json.dumps(asdict(entry)), _context(account.tenant))
    return entry, key_id


def _signed_in(account: _Account, kept: Entry) -> tuple[str, str]:
    child = sa.exists().where(*sessions.good(kept.workspace), SignIn.tenant == account.tenant)
    if _session(account, kept.site) and db.session.scalar(sa.select(child)):
        return kept.site, kept.workspace
    site = sessions.open_session(account.person)
    db.session.flush()
    parent = _session(account, site)
    return site, sessions.open_session(account.person, parent_id=parent, tenant=account.tenant)


def _session(account: _Account, secret: str) -> UUID | None:
    mine = (*sessions.good(secret), SignIn.tenant.is_(None), SignIn.user_id == account.person)
    return db.session.scalar(sa.select(SignIn.id).where(*mine))


def _key(account: _Account, kept: Entry) -> tuple[str, UUID]:
    with inside(account.tenant), transaction():
        try:
            return kept.key, keys.verify(keys.parse(kept.key)[1]).id
        except BadKey:
            for key in keys.every():
                keys.revoke(key.id, actor=_ACTOR)
            made = keys.create(f"Key {account.sign}", actor=_ACTOR)
            return made, keys.verify(keys.parse(made)[1]).id


def _mark(account: _Account, marker: str) -> UUID:
    """Returns the id of the record that has the marker."""
    with inside(account.tenant), transaction():
        collection = _collection(account.sign)
        made = json.loads(records.create(collection, {"marker": marker}))
        for old in records.page(collection, after=None, limit=records.MOST_PER_PAGE).records[KEPT:]:
            records.delete(collection, old["id"])
        return UUID(made["id"])


def _collection(sign: str) -> Collection:
    try:
        return collections.get(MARKERS)
    except UnknownCollection:
        made = Collection(MARKERS, f"Markers {sign}", (Field("marker", "text"),))
        collections.create(made, actor=_ACTOR)
        return made


def _unsealed(canary: Canary) -> Entry:
    try:
        return Entry(**json.loads(crypto.unseal(canary.entry or b"", _context(canary.tenant))))
    except crypto.SealBroken:
        return _NOTHING


def _context(tenant: str) -> str:
    return f"canary {tenant}"


def _one_at_a_time() -> None:
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
