"""One trial for each business: who has had one is known by mail addresses, their domains, and the card.

What is kept of each is a keyed digest (HMAC-SHA256, the key derived from SECRET_KEY), so that nobody can read from the
table who has tried; with another SECRET_KEY everybody can try once more. The marks stay when the tenant is gone.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from billing.entitlement import notices
from billing.ledger import Trial
from billing.models import LIVE_CHECKOUT, Checkout, Subscription
from saas.accounts.models import User
from saas.core import crypto
from saas.core.database import db
from saas.core.jobs import enqueue
from tenants.members.models import Membership, Role

ADDRESS, DOMAIN, CARD = "address", "domain", "card"
_PROVIDERS = Path(__file__).with_name("mail_providers.txt")
_GMAIL = {"gmail.com", "googlemail.com"}  # whose addresses are the same with and without dots
# https://support.google.com/mail/answer/7436150


@dataclass(frozen=True, order=True)
class Mark:
    kind: str
    digest: bytes


def left(tenant: str, payer: str) -> bool:
    """Whether somebody who would pay by this address can try first."""
    return _left(tenant, [address for address, _ in _addresses(tenant, payer)])


def claim(tenant: str, payer: str) -> bool:
    """Take the business's one trial, in the transaction that starts it; False where somebody has had it.

    To be called with the tenant's row locked. Of two that claim the same at once the second waits for the first. A
    domain is claimed by who has confirmed an address there, lest somebody else use up a trial that is not theirs.
    """
    known = _addresses(tenant, payer)
    if not _left(tenant, [address for address, _ in known]):
        return False
    proved = _marks(address for address, confirmed in known if confirmed)
    mine = {mark for mark in _marks(address for address, _ in known) if mark.kind == ADDRESS or mark in proved}
    return _take(tenant, mine)


def claim_card(tenant: str, fingerprint: str) -> bool:
    """The same by the card, which is known when the trial has begun."""
    return _take(tenant, {Mark(CARD, _digest(CARD, fingerprint))})


def give_back(tenant: str) -> None:
    """Of a trial that never began, where none is about to begin."""
    under_way = sa.exists().where(Checkout.tenant == tenant, Checkout.state.in_(LIVE_CHECKOUT))
    if not _has_subscribed(tenant):
        db.session.execute(sa.delete(Trial).where(Trial.tenant == tenant, ~under_way))


def watch(tenant: str, subscription: Subscription | None) -> None:
    """Let a job look at the card of a trial that has begun at Checkout; once for each."""
    if subscription is None or subscription.status != "trialing":
        return
    by_card = sa.exists().where(Checkout.tenant == tenant, Checkout.trial_days > 0)
    if db.session.scalar(sa.select(by_card)) and notices.first(tenant, "trial-checked", subscription.id):
        enqueue("billing.check_trial", args=(tenant, subscription.id))


def normal(address: str) -> str:
    """One way to write a mail address, of those that reach the same mailbox."""
    local, _, domain = address.strip().lower().rpartition("@")
    local, domain = local.partition("+")[0], _ascii(domain.rstrip("."))
    if domain in _GMAIL:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def _marks(addresses: Iterable[str]) -> set[Mark]:
    """Of addresses and of their domains, but for those at which anybody can have one."""
    found = set[Mark]()
    for address in map(normal, addresses):
        domain = address.rpartition("@")[2]
        found.add(Mark(ADDRESS, _digest(ADDRESS, address)))
        if domain not in _public():
            found.add(Mark(DOMAIN, _digest(DOMAIN, domain)))
    return found


def _addresses(tenant: str, payer: str) -> list[tuple[str, bool]]:
    """Of the payer and the owners, and whether each is confirmed."""
    owns = sa.select(Membership.user_id).where(Membership.tenant == tenant, Membership.role == Role.OWNER)
    theirs = sa.select(User.email, User.confirmed_at.is_not(None)).where(
        sa.or_(User.id.in_(owns), User.email == payer.lower())
    )
    found = {email: bool(confirmed) for email, confirmed in db.session.execute(theirs)}
    return list(({payer.lower(): False} | found).items())


def _left(tenant: str, addresses: list[str]) -> bool:
    return not _tried(tenant, _marks(addresses)) and not _colleagues_tried(tenant, addresses)


def _tried(tenant: str, marks: Iterable[Mark]) -> bool:
    """Whether another tenant has one of the marks, though it may be gone, or this one has subscribed before."""
    theirs = sa.or_(Trial.tenant.is_(None), Trial.tenant != tenant)
    pairs = [(mark.kind, mark.digest) for mark in marks]
    query = sa.select(sa.exists().where(sa.tuple_(Trial.kind, Trial.digest).in_(pairs), theirs))
    return _has_subscribed(tenant) or bool(db.session.scalar(query))


def _colleagues_tried(tenant: str, addresses: Iterable[str]) -> bool:
    """Whether another tenant has tried whose owner has an address at one of the domains, confirmed by now."""
    domains = {normal(one).rpartition("@")[2] for one in addresses} - _public()
    domain = sa.func.lower(sa.func.split_part(User.email, "@", 2))
    query = (
        sa.select(Trial.tenant)
        .join(Membership, sa.and_(Membership.tenant == Trial.tenant, Membership.role == Role.OWNER))
        .join(User, User.id == Membership.user_id)
        .where(Trial.tenant != tenant, User.confirmed_at.is_not(None), domain.in_(domains))
    )
    return bool(domains) and bool(db.session.scalar(sa.select(query.exists())))


def _take(tenant: str, marks: Iterable[Mark]) -> bool:
    """All or none, in one order, so that two who take the same don't wait for each other."""
    rows = [{"kind": mark.kind, "digest": mark.digest, "tenant": tenant} for mark in sorted(marks)]
    new = insert(Trial).values(rows).on_conflict_do_nothing().returning(Trial.kind, Trial.digest)
    taken = {Mark(kind, digest) for kind, digest in db.session.execute(new)}
    others = [(mark.kind, mark.digest) for mark in set(marks) - taken]
    pair = sa.tuple_(Trial.kind, Trial.digest)
    mine = sa.select(sa.func.count()).where(pair.in_(others), Trial.tenant == tenant)
    if not others or db.session.scalar(mine) == len(others):
        return True
    undone = [(mark.kind, mark.digest) for mark in taken]
    db.session.execute(sa.delete(Trial).where(pair.in_(undone), Trial.tenant == tenant))
    return False


def _has_subscribed(tenant: str) -> bool:
    return bool(db.session.scalar(sa.select(sa.exists().where(Subscription.tenant == tenant))))


def _digest(kind: str, text: str) -> bytes:
    return hmac.digest(crypto.derived(b"freehold: who has had a trial"), f"{kind}:{text}".encode(), hashlib.sha256)


def _ascii(domain: str) -> str:
    """As the domain name system has it; what is no name of it stays."""
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain


@cache
def _public() -> frozenset[str]:
    lines = _PROVIDERS.read_text().splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
