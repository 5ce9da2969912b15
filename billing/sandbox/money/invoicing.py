"""An invoice's own life: drafted, finalised, paid, failed, voided. What its subscription makes of that: collecting."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import balances, charging, conditions, totals, waiting
from billing.sandbox.shapes import invoices, payments
from billing.sandbox.values import Obj


def draft(account: Account, customer: Obj, subscription: Obj | None, lines: list[Obj], **more: Any) -> Obj:
    priced = totals.of(account, customer, subscription, named(account, lines))
    more = priced.fields | more
    made = invoices.invoice(customer, subscription, priced.lines, more, account.now(customer["id"]))
    events.added(account, "invoice.created", made)
    waiting.claim(account, made)
    conditions.spend(account, customer, subscription, made)
    return made


def named(account: Account, lines: list[Obj]) -> list[Obj]:
    """Lines that call their products by name."""
    products = {line["pricing"]["price_details"]["product"] for line in lines if line["pricing"]}
    names = {product: account.get("product", product).get("name", product) for product in products}
    return [_named(line, names) for line in lines]


def _named(line: Obj, names: dict[str, str]) -> Obj:
    if not line["pricing"]:
        return line
    product = line["pricing"]["price_details"]["product"]
    return line | {"description": (line["description"] or "").replace(product, names[product])}


def finalize(account: Account, invoice: Obj) -> Obj:
    """A draft becomes open and gets its payment intent; one over nothing is paid at once."""
    if invoice["status"] != "draft":
        raise ApiError("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    customer = account.get("customer", invoice["customer"])
    now = account.now(customer["id"])
    _number(account, invoice, customer)
    balances.settle(account, invoice, customer)
    page = f"{account.config.public_url}/invoices/{invoice['id']}"
    invoice |= {"status": "open", "effective_at": now, "hosted_invoice_url": page, "invoice_pdf": f"{page}/pdf"}
    invoice["status_transitions"] |= {"finalized_at": now}
    account.save(invoice)
    if invoice["amount_due"]:
        _link(account, invoice, now)
    events.emit(account, "invoice.finalized", invoice)
    return invoice if invoice["amount_due"] else _paid(account, invoice, now)


def attempt(account: Account, invoice: Obj, method: Obj | None, *, authenticated: bool = False) -> Obj:
    """Try to collect an open invoice; its status says whether that worked, the intent's why it did not."""
    if invoice["status"] not in {"open", "uncollectible"}:
        raise ApiError(
            f"Invoice is {invoice['status']}, it can't be paid.",
            f"invoice_not_{'open' if invoice['status'] != 'paid' else 'payable'}",
        )
    now = account.now(invoice["customer"])
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
    account.save(invoice)
    link, intent = payment_of(account, invoice)
    if method is not None:
        intent = charging.confirm(account, intent, method, authenticated=authenticated)
    if intent["status"] == "succeeded":
        link |= {"status": "paid", "amount_paid": intent["amount"]}
        link["status_transitions"] |= {"paid_at": now}
        account.save(link)
        events.emit(account, "invoice_payment.paid", link)
        return _paid(account, invoice, now)
    if intent["status"] == "requires_action":
        events.emit(account, "invoice.payment_action_required", invoice)
    return invoice


def void(account: Account, invoice: Obj) -> Obj:
    if invoice["status"] not in {"open", "uncollectible"}:
        raise ApiError("You can only pass in open invoices. This invoice isn't open.", "invoice_not_open")
    now = account.now(invoice["customer"])
    invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"] |= {"voided_at": now}
    if links := account.all("invoice_payment", invoice=invoice["id"]):
        link = links[0] | {"status": "canceled"}
        link["status_transitions"] |= {"canceled_at": now}
        account.save(link)
        intent = account.get("payment_intent", link["payment"]["payment_intent"])
        charging.cancel(account, intent, "void_invoice", now)
    balances.unsettle(account, invoice, account.get("customer", invoice["customer"]))
    return events.changed(account, "invoice.voided", invoice)


def mark_uncollectible(account: Account, invoice: Obj) -> Obj:
    """Nobody expects it to be paid any more; it still may be."""
    if invoice["status"] != "open":
        raise ApiError("You can only mark open invoices as uncollectible.", "invoice_not_open")
    invoice |= {"status": "uncollectible", "next_payment_attempt": None}
    invoice["status_transitions"] |= {"marked_uncollectible_at": account.now(invoice["customer"])}
    return events.changed(account, "invoice.marked_uncollectible", invoice)


def payment_of(account: Account, invoice: Obj) -> tuple[Obj, Obj]:
    """The invoice's payment and its payment intent."""
    link = account.all("invoice_payment", invoice=invoice["id"])[0]
    return link, account.get("payment_intent", link["payment"]["payment_intent"])


def close_as_paid(account: Account, invoice: Obj) -> Obj:
    """Nothing is left to pay, since credit notes took it all."""
    _, intent = payment_of(account, invoice)
    now = account.now(invoice["customer"])
    charging.cancel(account, intent, "automatic", now)
    return _paid(account, invoice, now)


def mark_paid_elsewhere(account: Account, invoice: Obj) -> Obj:
    now = account.now(invoice["customer"])
    _, intent = payment_of(account, invoice)
    charging.cancel(account, intent, "automatic", now)
    return _paid(account, invoice | {"amount_paid_off_stripe": invoice["amount_due"]}, now)


def _paid(account: Account, invoice: Obj, now: int) -> Obj:
    invoice |= {
        "status": "paid",
        "attempted": True,
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "auto_advance": False,
        "next_payment_attempt": None,
    }
    invoice["status_transitions"] |= {"paid_at": now}
    account.save(invoice)
    events.emit(account, "invoice.updated", invoice)
    events.emit(account, "invoice.paid", invoice)
    events.emit(account, "invoice.payment_succeeded", invoice)
    return invoice


def _number(account: Account, invoice: Obj, customer: Obj) -> None:
    sequence = customer["next_invoice_sequence"]
    invoice["number"] = f"{customer['invoice_prefix']}-{sequence:04d}"
    customer["next_invoice_sequence"] = sequence + 1
    account.save(customer)


def _link(account: Account, invoice: Obj, now: int) -> None:
    text = "Subscription creation" if invoice["billing_reason"] == "subscription_create" else "Subscription update"
    intent = payments.payment_intent(invoice["amount_due"], invoice["currency"], invoice["customer"], now, text)
    events.added(account, "payment_intent.created", intent, invoice=invoice["id"])
    account.add(invoices.payment(invoice, intent, now))
