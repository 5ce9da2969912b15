"""What would be charged, as Stripe counts it; nothing is changed."""

from dataclasses import dataclass
from typing import cast

import stripe
from stripe.params import (
    InvoiceCreatePreviewParamsSubscriptionDetails,
    InvoiceCreatePreviewParamsSubscriptionDetailsItem,
)

from billing.gateway import wishes
from billing.gateway.connection import client, reaches_stripe
from billing.gateway.subscriptions import Change

_NOTHING = "invoice_upcoming_none"  # a preview of an invoice with nothing in it


@dataclass(frozen=True)
class PreviewLine:
    text: str
    amount: int  # in the currency's minor unit


@dataclass(frozen=True)
class Preview:
    """What would be charged. Amounts are in the currency's minor unit."""

    currency: str
    lines: tuple[PreviewLine, ...]
    subtotal: int
    discount: int
    tax: int
    total: int
    due: int  # after credit


@reaches_stripe
def preview(id_: str, wanted: Change, *, customer: str) -> Preview:
    """What `change` would charge."""
    details: InvoiceCreatePreviewParamsSubscriptionDetails = {
        "items": cast("list[InvoiceCreatePreviewParamsSubscriptionDetailsItem]", wishes.changed(wanted.items)),
        "proration_behavior": "always_invoice",
    }
    if wanted.at:
        details["proration_date"] = int(wanted.at.timestamp())
    if wanted.ends_trial:
        details["trial_end"] = "now"
    if wanted.restarts:
        details["billing_cycle_anchor"] = {"type": "now"}
    asked: stripe.params.InvoiceCreatePreviewParams = {"customer": customer, "subscription": id_}
    asked["subscription_details"] = details
    if wanted.drops_discount:
        asked["discounts"] = ""
    return _preview(asked)


@reaches_stripe
def upcoming(id_: str, *, customer: str, code: str | None = None) -> Preview | None:
    """What the next renewal would charge as things are, or with a promotion code; None: nothing is to come."""
    asked: stripe.params.InvoiceCreatePreviewParams = {"customer": customer, "subscription": id_}
    if code:
        asked["discounts"] = [{"promotion_code": code}]
    try:
        return _preview(asked)
    except stripe.InvalidRequestError as error:
        if error.code != _NOTHING:
            raise
        return None


@reaches_stripe
def unused(id_: str, *, customer: str) -> int:
    """What the rest of the period is worth, if the subscription ended now."""
    details: InvoiceCreatePreviewParamsSubscriptionDetails = {"cancel_now": True}
    details["proration_behavior"] = "always_invoice"
    try:
        found = client().v1.invoices.create_preview(
            {"customer": customer, "subscription": id_, "subscription_details": details}
        )
    except stripe.InvalidRequestError as error:
        if error.code != _NOTHING:
            raise
        return 0
    return max(-sum(_whole(line) for line in found.lines.data if _prorates(line)), 0)


def _prorates(line: stripe.InvoiceLineItem) -> bool:
    """Not what was used, which the last invoice charges."""
    about = line.parent.subscription_item_details if line.parent else None
    return about is not None and about.proration


def _whole(line: stripe.InvoiceLineItem) -> int:
    off = sum(one.amount for one in line.discount_amounts or ())
    return line.amount - off + sum(one.amount for one in line.taxes or () if one.tax_behavior == "exclusive")


def _preview(asked: stripe.params.InvoiceCreatePreviewParams) -> Preview:
    found = client().v1.invoices.create_preview(asked)
    return Preview(
        currency=found.currency,
        lines=tuple(PreviewLine(line.description or "", line.amount) for line in found.lines.data),
        subtotal=found.subtotal,
        discount=sum(one.amount for one in found.total_discount_amounts or ()),
        tax=sum(one.amount for one in found.total_taxes or ()),
        total=found.total,
        due=found.amount_due,
    )
