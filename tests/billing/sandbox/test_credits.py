"""What goes back: credit notes, the customer's balance, refunds, disputes; and invoices that end otherwise."""

import re
from typing import Any

import pytest
import requests
import stripe

from tests.support.standin import PATIENCE, Shop, send


def paid(shop: Shop, amount: int = 2000, **more: Any) -> Any:
    made = shop.subscription(shop.customer(), shop.price(amount), **more)
    return shop.v1.invoices.retrieve(made.latest_invoice)


def open_(shop: Shop, amount: int = 2000) -> Any:
    made = shop.subscription(shop.customer(), shop.price(amount), collection_method="send_invoice", days_until_due=14)
    return shop.v1.invoices.retrieve(made.latest_invoice)


def credit(shop: Shop, invoice: Any, **given: Any) -> Any:
    return shop.v1.credit_notes.create({"invoice": invoice.id, **given})


def test_after_payment_it_goes_to_the_card_the_balance_and_elsewhere(shop: Shop) -> None:
    invoice = paid(shop)
    made = credit(shop, invoice, amount=1000, refund_amount=500, credit_amount=300, out_of_band_amount=200)
    assert (made.type, made.pre_payment_amount, made.post_payment_amount) == ("post_payment", 0, 1000)
    assert shop.v1.refunds.retrieve(made.refunds[0].refund).amount == 500
    assert shop.v1.customers.retrieve(invoice.customer).balance == -300
    move = shop.v1.customers.balance_transactions.retrieve(invoice.customer, made.customer_balance_transaction)
    assert (move.type, move.amount, move.ending_balance, move.credit_note) == ("credit_note", -300, -300, made.id)
    invoice = shop.v1.invoices.retrieve(invoice.id)
    assert (invoice.status, invoice.post_payment_credit_notes_amount, invoice.amount_paid) == ("paid", 1000, 2000)
    with pytest.raises(stripe.InvalidRequestError, match="only void a credit note"):
        shop.v1.credit_notes.void_credit_note(made.id)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"amount": 500}, "must equal the credit note's amount after payment"),
        ({"amount": 500, "refund_amount": 600}, "must equal the credit note's amount after payment"),
        ({"amount": 2001, "out_of_band_amount": 2001}, "greater than what the invoice has left"),
        ({}, "one of `amount` and `lines`"),
    ],
)
def test_parts_that_do_not_make_the_whole_are_refused(shop: Shop, given: dict[str, Any], words: str) -> None:
    invoice = paid(shop)
    with pytest.raises(stripe.InvalidRequestError, match=words):
        credit(shop, invoice, **given)
    assert shop.v1.credit_notes.list({"invoice": invoice.id}).data == []
    assert shop.v1.refunds.list().data == []


def test_before_payment_it_lowers_what_is_due_and_may_be_voided(shop: Shop) -> None:
    invoice = open_(shop)
    made = credit(shop, invoice, amount=500, reason="duplicate", memo="Sorry")
    now = shop.v1.invoices.retrieve(invoice.id, {"expand": ["payments.data.payment.payment_intent"]})
    assert (made.type, now.amount_due, now.amount_remaining, now.total) == ("pre_payment", 1500, 1500, 2000)
    assert now.payments.data[0].payment.payment_intent.amount == 1500
    assert shop.v1.credit_notes.void_credit_note(made.id).status == "void"
    assert shop.v1.invoices.retrieve(invoice.id).amount_remaining == 2000
    credit(shop, invoice, amount=2000)
    assert shop.v1.invoices.retrieve(invoice.id).status == "paid"
    assert {"credit_note.created", "credit_note.voided"} <= set(shop.types())


def test_its_lines_take_discounts_and_taxes_with_them(shop: Shop) -> None:
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    half = shop.v1.coupons.create({"percent_off": 50, "duration": "once"})
    invoice = paid(shop, discounts=[{"coupon": half.id}], default_tax_rates=[rate.id])
    assert invoice.total == 1200
    line = {"type": "invoice_line_item", "invoice_line_item": invoice.lines.data[0].id, "amount": 1000}
    wanted = {"invoice": invoice.id, "lines": [line], "refund_amount": 600}
    preview = shop.v1.credit_notes.preview(wanted)
    assert (preview.subtotal, preview.discount_amount, preview.total) == (1000, 500, 600)
    assert shop.v1.credit_notes.list().data == []
    made = shop.v1.credit_notes.create(wanted)
    assert (made.total, made.total_excluding_tax, made.total_taxes[0].amount) == (600, 500, 100)
    assert [each.invoice_line_item for each in shop.v1.credit_notes.line_items.list(made.id).data] == [
        line["invoice_line_item"]
    ]
    by_sum = credit(shop, invoice, amount=600, credit_amount=600)
    assert (by_sum.total, by_sum.total_taxes[0].amount) == (600, 100)


def test_the_balance_is_kept_move_by_move(shop: Shop) -> None:
    customer = shop.customer(card="pm_card_visa")
    made = shop.v1.customers.balance_transactions.create(
        customer.id, {"amount": -500, "currency": "usd", "description": "Sorry"}
    )
    assert (made.type, made.ending_balance) == ("adjustment", -500)
    with pytest.raises(stripe.InvalidRequestError, match="must match the customer's"):
        shop.v1.customers.balance_transactions.create(customer.id, {"amount": -1, "currency": "eur"})
    invoice = shop.v1.invoices.retrieve(shop.subscription(customer, shop.price(2000)).latest_invoice)
    assert (invoice.starting_balance, invoice.amount_paid) == (-500, 1500)
    shop.v1.customers.update(customer.id, {"balance": 70})
    moves = shop.v1.customers.balance_transactions.list(customer.id).data
    assert [(each.type, each.amount) for each in reversed(moves)] == [
        ("adjustment", -500), ("applied_to_invoice", 500), ("adjustment", 70),
    ]  # fmt: skip
    assert moves[1].invoice == invoice.id


def test_a_voided_invoice_gives_its_credit_back(shop: Shop) -> None:
    customer = shop.customer()
    shop.v1.customers.balance_transactions.create(customer.id, {"amount": -500, "currency": "usd"})
    made = shop.subscription(customer, collection_method="send_invoice", days_until_due=3)
    assert shop.v1.customers.retrieve(customer.id).balance == 0
    shop.v1.invoices.void_invoice(made.latest_invoice)
    assert shop.v1.customers.retrieve(customer.id).balance == -500


def test_an_invoice_that_nobody_expects_to_be_paid_still_may_be(shop: Shop) -> None:
    invoice = open_(shop)
    assert shop.v1.invoices.send_invoice(invoice.id).status == "open"
    made = shop.v1.invoices.mark_uncollectible(invoice.id)
    assert (made.status, made.status_transitions.marked_uncollectible_at) == ("uncollectible", made.created)
    assert send(invoice.hosted_invoice_url, number="4242424242424242").status_code == 303
    assert shop.v1.invoices.retrieve(invoice.id).status == "paid"
    assert {"invoice.sent", "invoice.marked_uncollectible", "invoice.paid"} <= set(shop.types())
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.invoices.mark_uncollectible(invoice.id)


def test_a_disputed_payment_is_gone_until_it_is_won(shop: Shop) -> None:
    shop.subscription(shop.customer("pm_card_createDispute"))
    [made] = shop.v1.disputes.list().data
    charge = shop.v1.charges.retrieve(made.charge)
    assert (made.status, made.reason, made.amount, charge.disputed) == ("needs_response", "fraudulent", 2900, True)
    assert made.balance_transactions[0].net == -2900 - 1500
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_disputed"
    waiting = shop.v1.disputes.update(made.id, {"evidence": {"customer_name": "Ada"}, "submit": False})
    assert (waiting.status, waiting.evidence_details.has_evidence) == ("needs_response", True)
    won = shop.v1.disputes.update(made.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert (won.status, len(won.balance_transactions)) == ("won", 2)
    kinds = [kind for kind in shop.types() if kind.startswith("charge.dispute")]
    assert kinds == [
        f"charge.dispute.{name}"
        for name in ("created", "funds_withdrawn", "updated", "updated", "closed", "funds_reinstated")
    ]


def test_a_dispute_is_given_up(shop: Shop) -> None:
    shop.subscription(shop.customer("pm_card_createDispute"))
    [made] = shop.v1.disputes.list().data
    assert shop.v1.disputes.close(made.id).status == "lost"
    assert shop.v1.disputes.retrieve(made.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        shop.v1.disputes.close(made.id)


def test_the_pdf_is_one(shop: Shop) -> None:
    invoice = paid(shop)
    made = credit(shop, invoice, amount=1000, refund_amount=1000)
    for url, words in ((invoice.invoice_pdf, f"Invoice {invoice.number}"), (made.pdf, f"Credit note {made.number}")):
        answer = requests.get(url, timeout=PATIENCE)
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-1.4\n")
        assert words.encode() in answer.content
        assert b"20.00 USD" in answer.content or b"10.00 USD" in answer.content
        _sound(answer.content)


def _sound(content: bytes) -> None:
    """Each object begins where the table says, and each stream is as long as it says."""
    table = int(content.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert content[table : table + 4] == b"xref"
    starts = [int(start) for start in re.findall(rb"(\d{10}) 00000 n", content[table:])]
    for number, start in enumerate(starts, 1):
        assert content[start:].startswith(f"{number} 0 obj\n".encode())
    for length, stream in re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", content, re.DOTALL):
        assert len(stream) == int(length)
