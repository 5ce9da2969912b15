"""Money that goes back."""

from uuid import UUID

from billing.acting.acts import act
from billing.entitlement import entitlements
from billing.errors import BadRefund, UnknownInvoice
from billing.gateway import invoices
from billing.mirrored import mirror
from billing.models import Invoice
from billing.money import shown, whole
from saas.core.database import db, outside


def refund(tenant: str, invoice_id: str, amount: int, *, actor: str, reason: str, key: UUID | None = None) -> Invoice:
    """Pay back `amount` (in the currency's minor unit) of an invoice, at most what was paid and is not back yet.

    Raises UnknownInvoice, BadRefund before anything is sent, and Refused when Stripe knows better.
    """
    entitlements.lock(tenant)
    invoice = db.session.get(Invoice, invoice_id, populate_existing=True)
    if invoice is None or invoice.tenant != tenant:
        raise UnknownInvoice
    _check(invoice, amount)
    before = {"refunded": invoice.refunded}
    after = {"refunded": invoice.refunded + amount}
    about = {"invoice": invoice_id, "amount": amount, "currency": invoice.currency}
    payment = invoice.payment or ""
    with act("invoice.refunded", tenant, actor, reason, key, kept=False, before=before, after=after, **about) as asked:
        invoices.refund(payment, amount, key=asked.key)
    asked_at = mirror.now()
    with outside():
        found = invoices.fetch(invoice_id)
    mirror.store(tenant, found, asked_at)
    db.session.refresh(invoice)
    return invoice


def _check(invoice: Invoice, amount: int) -> None:
    if not whole(amount):
        raise BadRefund("Give an integer in the currency's minor unit.")
    if amount <= 0:
        raise BadRefund("Give an amount above zero.")
    if not invoice.refundable:
        raise BadRefund("Nothing of this invoice is left to be refunded.")
    if amount > invoice.refundable:
        most = shown(invoice.refundable, invoice.currency)
        raise BadRefund(f"At most {most} of this invoice can be refunded.")
