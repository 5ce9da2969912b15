"""What there is to mail a tenant's people: found from what is stored, so that events may come late and in any order."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from billing.entitlement import dunning, notices
from billing.entitlement.dunning import Step
from billing.ledger import Notice
from billing.mirrored import mirror
from billing.models import OLDEST_FIRST, OVERDUE, Invoice, Subscription
from billing.plans import catalog
from saas.core.audit import AuditEntry
from saas.core.database import db
from tenants.models import Standing, Tenant

# Stripe sends an event again for three days, and each tenant is asked about daily: what is older is no news.
_NEWS = timedelta(days=7)
_BEFORE_TRIAL_ENDS = timedelta(days=3)  # as customer.subscription.trial_will_end comes
_PAID_BACK = "subscription.ended.sent"  # in the audit, with how much
_SAME_MOMENT = timedelta(days=1)  # between the end of a trial and what follows from it


def look(tenant: Tenant, subscription: Subscription | None, now: datetime, was: Standing) -> None:
    """Tell what has not been told, once a tenant's standing is settled; `was` is the one before."""
    if subscription is None:
        return
    _payments(tenant, subscription, now)
    _steps(tenant, subscription, now)
    if was != Standing.GOOD and tenant.standing == Standing.GOOD and subscription.status == "active":
        _tell(tenant, subscription, "works-again", _paid_last(subscription))
    if subscription.status == "trialing":
        _trial(tenant, subscription, now)
    if subscription.status == "canceled":
        _end(tenant, subscription, now)


def trial_told_at(subscription: Subscription | None, now: datetime) -> datetime | None:
    """When to tell of a trial's end to come; None: there is none, or its time has come."""
    if subscription is None or subscription.status != "trialing" or subscription.trial_end is None:
        return None
    at = subscription.trial_end - _BEFORE_TRIAL_ENDS
    return at if at > now else None


def _payments(tenant: Tenant, subscription: Subscription, now: datetime) -> None:
    """Receipts, and what failed for the first and for the last time."""
    for invoice in _untold(tenant.id, now):
        if invoice.status == "paid":
            mine = invoice.subscription == subscription.id
            first = mine and _is_first(subscription, invoice)
            period = subscription if mine and _newest(subscription, invoice) else None
            notices.tell(tenant.id, "receipt", invoice.id, invoice=invoice, after_trial=first, period=period)
        elif invoice.subscription == subscription.id and subscription.status in OVERDUE:
            _failed(tenant, subscription, invoice, now)


def _failed(tenant: Tenant, subscription: Subscription, invoice: Invoice, now: datetime) -> None:
    last = invoice.next_attempt_at is None and invoice.attempts > 1
    kind = "payment-failed-last" if last else "payment-failed"
    if last:  # whoever hears of the last try need not hear of the first one after it
        notices.first(tenant.id, "payment-failed", invoice.id)
    step = dunning.step_after(subscription, now) if tenant.standing_until else None  # a grant lets them work on
    customer = mirror.customer_of(tenant.id)
    told: dict[str, Any] = {"invoice": invoice, "step": step, "last": last, "customer": customer}
    if invoice.confirm:
        notices.tell(tenant.id, "payment-to-confirm", invoice.id, **told)
    else:
        notices.tell(tenant.id, kind, invoice.id, template="payment-failed", **told)


def _steps(tenant: Tenant, subscription: Subscription, now: datetime) -> None:
    """A day before each step of dunning, and when it has come; not where a grant lets them work on."""
    steps = dunning.steps_of(subscription)
    if not steps or tenant.standing != dunning.standing(subscription, now):
        return
    past = [step for step in steps if step.at <= now]
    after = next((step for step in steps if step.at > now), None)
    if past and past[-1].name != "cancelled":
        _tell(tenant, subscription, "step-here", _about(subscription, past[-1]), step=past[-1], after=after)
    if after and dunning.warns_at(subscription, after) is not None and now >= after.at - dunning.WARNING:
        _tell(tenant, subscription, "step-soon", _about(subscription, after), step=after)


def _trial(tenant: Tenant, subscription: Subscription, now: datetime) -> None:
    """The end that is told of may be moved by an admin; then it is told again."""
    end = subscription.trial_end
    if end is None or subscription.cancel_at or not now < end <= now + _BEFORE_TRIAL_ENDS:
        return
    customer = mirror.customer_of(tenant.id)
    _tell(tenant, subscription, "trial-ends", f"{subscription.id}/{end:%Y%m%dT%H%M%S}", customer=customer)


def _end(tenant: Tenant, subscription: Subscription, now: datetime) -> None:
    ended = subscription.ended_at
    if ended is None or ended < now - _NEWS:
        return
    mine = (Invoice.tenant == tenant.id, Invoice.subscription == subscription.id)
    unpaid = sa.exists().where(*mine, Invoice.attempts > 0, Invoice.due > 0, Invoice.status != "paid")
    if db.session.scalar(sa.select(unpaid)):
        why = "unpaid"
    elif _by_us(subscription):
        why = "support"
    else:
        why = "trial" if subscription.trial_end and _at_once(ended, subscription.trial_end) else "asked"
    back = _paid_back(subscription)
    _tell(tenant, subscription, "plan-ended", subscription.id, why=why, back=back)


def _by_us(subscription: Subscription) -> bool:
    """Whether one of those who run this site has ended it; its people can only let it end with its period."""
    now = AuditEntry.detail["after"]["ends"].astext == "now"
    cancelled = sa.and_(AuditEntry.action == "subscription.cancelled.asked", now)
    ended = AuditEntry.action == _PAID_BACK
    mine = (AuditEntry.tenant == subscription.tenant, AuditEntry.detail["subscription"].astext == subscription.id)
    return bool(db.session.scalar(sa.select(sa.exists().where(*mine, sa.or_(cancelled, ended)))))


def _paid_back(subscription: Subscription) -> int:
    """What goes back of what was paid, as was noted before the end; in the minor unit."""
    mine = (AuditEntry.tenant == subscription.tenant, AuditEntry.detail["subscription"].astext == subscription.id)
    newest = sa.select(AuditEntry.detail["refunded"].as_integer()).where(*mine, AuditEntry.action == _PAID_BACK)
    return db.session.scalar(newest.order_by(AuditEntry.id.desc()).limit(1)) or 0


def _is_first(subscription: Subscription, invoice: Invoice) -> bool:
    """Whether it is the one that a trial's end has brought; what is bought on that day comes after it."""
    if subscription.trial_end is None or not _at_once(invoice.created_at, subscription.trial_end):
        return False
    mine = (Invoice.tenant == invoice.tenant, Invoice.subscription == subscription.id, Invoice.total > 0)
    oldest = sa.select(Invoice.id).where(*mine).order_by(*OLDEST_FIRST).limit(1)
    return db.session.scalar(oldest) == invoice.id


def _paid_last(subscription: Subscription) -> str:
    """The invoice that has put an end to dunning; where it was voided instead, the one before."""
    mine = (Invoice.tenant == subscription.tenant, Invoice.subscription == subscription.id, Invoice.status == "paid")
    newest = sa.select(Invoice.id).where(*mine).order_by(Invoice.paid_at.desc().nulls_last(), Invoice.id).limit(1)
    return db.session.scalar(newest) or subscription.id


def _untold(tenant: str, now: datetime) -> Sequence[Invoice]:
    """The invoices that are paid or failing, as far as nobody was told so."""
    paid = sa.and_(Invoice.status == "paid", Invoice.paid > 0, Invoice.paid_at > now - _NEWS)
    failing = sa.and_(Invoice.status == "open", Invoice.attempts > 0, Invoice.due > 0)
    told = sa.exists().where(Notice.tenant == Invoice.tenant, Notice.about == Invoice.id)
    wanted = sa.or_(
        sa.and_(paid, ~told.where(Notice.kind == "receipt")),
        sa.and_(failing, ~told.where(Notice.kind == "payment-failed-last")),
    )
    mine = sa.select(Invoice).where(Invoice.tenant == tenant, wanted).order_by(*OLDEST_FIRST)
    return db.session.scalars(mine.execution_options(populate_existing=True)).all()


def _newest(subscription: Subscription, invoice: Invoice) -> bool:
    """Whether an invoice is of the period that the subscription is in."""
    return subscription.period_start is not None and invoice.created_at >= subscription.period_start


def _at_once(one: datetime, other: datetime) -> bool:
    return abs(one - other) < _SAME_MOMENT


def _about(subscription: Subscription, step: Step) -> str:
    return f"{subscription.id}/{step.name}/{step.at:%Y%m%dT%H%M%S}"


def _tell(tenant: Tenant, subscription: Subscription, kind: str, about: str, **context: Any) -> None:
    plan = catalog.name_of(subscription.plan or "")
    notices.tell(tenant.id, kind, about, subscription=subscription, plan=plan, **context)
