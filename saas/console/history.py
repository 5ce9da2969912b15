"""What has happened, newest first: the audit of all, and one tenant's timeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing.ledger import AccessChange
from saas.accounts.models import User
from saas.console import details, folding, words
from saas.console.models import Note
from saas.core.audit import AuditEntry
from saas.core.database import db
from tenants.models import Tenant
from tenants.usage import limits

PAGE_SIZE = 50


@dataclass(frozen=True)
class Event:
    id: UUID  # in the order of time (version 7)
    at: datetime
    actor: str
    tenant: str | None
    title: str  # "tenant.suspended"
    lines: tuple[str, ...]  # "plan: free → growth"
    text: str = ""  # what somebody wrote: a reason, a note
    state: str = ""  # of an act that is not, or not known to be, done: "refused", "asked, not done"


@dataclass(frozen=True)
class Filter:
    """Of the audit; "" leaves a part out."""

    tenant: str = ""  # an id or an address
    actor: str = ""  # an email, or "system" or "key:<id>"
    action: str = ""  # its beginning


def audit(wanted: Filter, before: UUID | None) -> tuple[list[Event], UUID | None]:
    """One page, and what the next one starts before; at most four queries."""
    query = sa.select(AuditEntry)
    if wanted.tenant:
        query = query.where(AuditEntry.tenant == tenant_named(wanted.tenant))
    if wanted.actor:
        query = query.where(AuditEntry.actor == _actor(wanted.actor))
    if wanted.action:
        query = query.where(AuditEntry.action.istartswith(wanted.action, autoescape=True))
    found = _newest(query, AuditEntry.id, before)
    page, further = _page([_of_entry(entry) for entry in found])
    return _folded(page, found), further


def timeline(tenant_id: str, before: UUID | None) -> tuple[list[Event], UUID | None]:
    """The same for one tenant, with notes and with why its access changed."""
    entries = sa.select(AuditEntry).where(AuditEntry.tenant == tenant_id)
    notes = sa.select(Note).where(Note.tenant == tenant_id)
    found = _newest(entries, AuditEntry.id, before)
    events = [_of_entry(entry) for entry in found]
    changes = sa.select(AccessChange).where(AccessChange.tenant == tenant_id)
    events += [_of_note(note) for note in _newest(notes, Note.id, before)]
    events += [_of_change(change) for change in _newest(changes, AccessChange.id, before)]
    page, further = _page(sorted(events, key=lambda event: event.id, reverse=True))
    return _folded(page, found), further


def tenant_named(wanted: str) -> str:
    """By address, or what was given: an id, of a tenant that may be gone."""
    return db.session.scalar(sa.select(Tenant.id).where(Tenant.address == wanted.lower())) or wanted


def _newest(query: sa.Select[Any], key: Any, before: UUID | None) -> list[Any]:
    if before:
        query = query.where(key < before)
    return list(db.session.scalars(query.order_by(key.desc()).limit(PAGE_SIZE + 1)))


def _page(events: list[Event]) -> tuple[list[Event], UUID | None]:
    shown = events[:PAGE_SIZE]
    return shown, shown[-1].id if len(events) > PAGE_SIZE else None


def _folded(page: list[Event], entries: list[AuditEntry]) -> list[Event]:
    """Of an act only what is known last: a page has fewer lines by the others."""
    hidden = folding.hidden(entries)
    return [event for event in page if event.id not in hidden]


def _of_entry(entry: AuditEntry) -> Event:
    text = str(entry.detail.get("reason", ""))
    title, state = details.title(entry.action, entry.detail)
    lines = tuple(details.lines(entry.action, entry.detail))
    return Event(entry.id, entry.at, entry.actor, entry.tenant, title, lines, text, state)


def _of_note(note: Note) -> Event:
    return Event(note.id, note.at, note.actor, note.tenant, "note", (), note.text)


def _of_change(change: AccessChange) -> Event:
    """By a person, or by an event of Stripe's or a rule of ours."""
    actor = change.source if change.cause == "person" else f"{change.cause} {change.source}"
    detail = {"rests on": change.rule, "before": _access(change.before), "after": _access(change.after)}
    lines = tuple(details.lines("access.changed", detail))
    return Event(change.id, change.at, actor, change.tenant, "access.changed", lines, change.reason or "")


def _access(told: Mapping[str, Any] | None) -> dict[str, Any]:
    """Plan, standing and each limit as people read it; of a tenant that was not there, nothing."""
    if not told:
        return {}
    named = {limit.label: words.allowance(limit, limits.allowed(told["limits"], limit)) for limit in limits.every()}
    return {"plan": told["plan"], "standing": told["standing"], **named}


def _actor(wanted: str) -> str:
    user_id = db.session.scalar(sa.select(User.id).where(User.email == wanted.lower())) if "@" in wanted else None
    return f"user:{user_id}" if user_id else wanted
