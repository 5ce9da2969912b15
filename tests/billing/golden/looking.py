"""Holds what is found against what a case says."""

from functools import singledispatch
from typing import Any

from tests.billing.golden import steps
from tests.billing.golden.model import Finding, Invoiced, Previewed, moment
from tests.billing.golden.playing import changing
from tests.billing.golden.stage import Stage


@singledispatch
def look(finding: Finding, _stage: Stage) -> None:
    raise NotImplementedError(finding)


@look.register
def _(finding: Invoiced, stage: Stage) -> None:
    invoice = stage.invoice()
    assert invoice.id != stage.seen, "no invoice came"
    stage.seen = invoice.id
    _compare(finding, invoice)


@look.register
def _(finding: Previewed, stage: Stage) -> None:
    stage.reach(moment(finding.change.at))
    wanted = {"subscription": stage.subscribed, "subscription_details": changing(finding.change, stage)}
    _compare(finding.invoice, stage.v1.invoices.create_preview(wanted))


def _compare(told: Invoiced, invoice: Any) -> None:
    lines = sorted(_net(line) if told.net else line.amount for line in invoice.lines.data)
    pairs = {
        "lines": (lines, sorted(told.lines)) if told.apart else (sum(lines), sum(told.lines)),
        "tax": (_sum(invoice.total_taxes), told.tax + told.included),
        "total": (invoice.total, told.total),
        "due": (invoice.amount_due, told.amount_due),
    }
    if not told.net:
        pairs["subtotal"] = (invoice.subtotal, sum(told.lines))
        pairs["discount"] = (_sum(invoice.total_discount_amounts), told.discount)
    same(pairs)


def same(pairs: dict[str, tuple[Any, Any]]) -> None:
    """Of each the found and the told."""
    wrong = [f"{name}: {found}, not {told}" for name, (found, told) in pairs.items() if found != told]
    assert not wrong, "; ".join(wrong)


def _net(line: Any) -> int:
    return int(line.amount - _sum(line.discount_amounts))


def _sum(parts: Any) -> int:
    return sum(part.amount for part in parts or [])


@look.register
def _(_finding: steps.NoInvoice, stage: Stage) -> None:
    same({"latest invoice": (stage.subscription().latest_invoice or "", stage.seen)})


@look.register
def _(finding: steps.Standing, stage: Stage) -> None:
    found = stage.subscription()
    same({"status": (found.status, finding.status)})
    if finding.until:
        ends = {each.current_period_end for each in found["items"].data}
        same({"period's end": (ends, {moment(finding.until)})})
    if finding.anchor:
        same({"anchor": (found.billing_cycle_anchor, moment(finding.anchor))})


@look.register
def _(finding: steps.Balance, stage: Stage) -> None:
    same({"balance": (stage.v1.customers.retrieve(stage.customer.id).balance, finding.amount)})


@look.register
def _(finding: steps.Invoice, stage: Stage) -> None:
    invoice = stage.invoice()
    found = steps.Invoice(
        invoice.status,
        due=invoice.amount_due,
        paid=invoice.amount_paid,
        remaining=invoice.amount_remaining,
        credited_before=invoice.pre_payment_credit_notes_amount,
        credited_after=invoice.post_payment_credit_notes_amount,
    )
    same({"invoice": (found, finding)})


@look.register
def _(finding: steps.Refunded, stage: Stage) -> None:
    intent = stage.v1.payment_intents.retrieve(stage.charged(), {"expand": ["latest_charge"]})
    charge = intent.latest_charge
    same({"refunded": ((charge.amount_refunded, charge.refunded), (finding.amount, finding.amount == charge.amount))})
