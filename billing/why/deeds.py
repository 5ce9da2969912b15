"""What people have done about the payments, beside what changed what a tenant may do: told from the audit."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from billing.money import shown
from billing.plans import catalog
from billing.why import phrases
from billing.why.phrases import Who
from billing.why.telling import written
from saas.core.audit import AuditEntry
from saas.core.database import db

Detail = Mapping[str, Any]


def of(tenant: str, most: int) -> Sequence[AuditEntry]:
    """The newest of them; a change of plan that came at once is told by what it changed."""
    now = AuditEntry.detail["when"].astext == "now"
    same = AuditEntry.detail["before"]["plan"].astext == AuditEntry.detail["after"]["plan"].astext
    unheard = sa.or_(AuditEntry.action != _CHANGED, sa.and_(AuditEntry.detail.has_key("when"), sa.or_(~now, same)))
    mine = (AuditEntry.tenant == tenant, AuditEntry.action.in_(_TOLD), unheard)
    return db.session.scalars(sa.select(AuditEntry).where(*mine).order_by(AuditEntry.id.desc()).limit(most)).all()


def told(entry: AuditEntry, who: Who, currency: str) -> str:
    """ "On 3 Nov 2026 ann@example.com gave credit of $12.50. “They were ill.”"; `currency` is of rows without one."""
    detail = {"currency": currency} | dict(entry.detail)
    said = _TOLD[entry.action](detail)
    return f"On {phrases.day(entry.at)} {who(entry.actor)} {said}.{written(detail.get('reason'))}"


def _cancelled(detail: Detail) -> str:
    ends = _side(detail, "after").get("ends")
    at = _time(ends)
    if at:
        return f"cancelled the plan, which ends on {phrases.day(at)}"
    return "ended the plan at once" if ends == "now" else "cancelled the plan, which ends with its period"


def _ended(detail: Detail) -> str:
    back = _side(detail, "after").get("refunded") or 0
    return f"ended the plan at once, and paid back {shown(back, detail['currency'])}"


def _resumed(_detail: Detail) -> str:
    return "took back the cancellation: the plan goes on"


def _extended(detail: Detail) -> str:
    until = _time(_side(detail, "after").get("trial_end"))
    return f"let the trial last until {phrases.day(until)}" if until else "let the trial last longer"


def _credited(detail: Detail) -> str:
    amount = _side(detail, "before").get("balance", 0) - _side(detail, "after").get("balance", 0)
    return f"gave credit of {shown(amount, detail['currency'])} for the next invoices"


def _priced(detail: Detail) -> str:
    after = _side(detail, "after")
    months = after.get("months")
    lasts = "for good" if not months else f"for {months} {'month' if months == 1 else 'months'}"
    per = f" a {detail['interval']}" if detail.get("interval") else ""
    return f"gave a price of its own: {shown(after.get('amount') or 0, detail['currency'])}{per}, {lasts}"


def _refunded(detail: Detail) -> str:
    return f"paid back {shown(detail.get('amount') or 0, detail['currency'])} of an invoice"


def _redeemed(detail: Detail) -> str:
    """Of one that was typed in at Stripe only Stripe's name is known."""
    code = detail.get("after")
    return f"used the promotion code {code}" if isinstance(code, str) else "took a promotion code with the payment"


def _changed(detail: Detail) -> str:
    before, after = _side(detail, "before"), _side(detail, "after")
    if before == after:
        return "took back the change of plan that was to come"
    named = f"{catalog.name_of(after.get('plan') or '')} by the {after.get('interval')}"
    at = _time(detail.get("when"))
    return f"chose {named}, from {phrases.day(at)} on" if at else f"changed to {named}"


def _side(detail: Detail, name: str) -> Detail:
    found = detail.get(name)
    return found if isinstance(found, dict) else {}


def _time(written_: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(written_) if isinstance(written_, str) else None
    except ValueError:
        return None


_CHANGED = "subscription.changed"
_TOLD: dict[str, Callable[[Detail], str]] = {
    _CHANGED: _changed,
    "subscription.cancelled": _cancelled,
    "subscription.ended": _ended,
    "subscription.resumed": _resumed,
    "trial.extended": _extended,
    "credit.given": _credited,
    "price.given": _priced,
    "invoice.refunded": _refunded,
    "discount.redeemed": _redeemed,
}
