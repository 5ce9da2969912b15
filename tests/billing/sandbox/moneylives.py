"""More of a life: what discounts, taxes, credits, disputes and saved cards leave behind, an object of each kind."""

from typing import Any

from tests.support.standin import CANCEL, SUCCESS, Shop, send

_ADDRESS = {"line1": "1 Way", "country": "DE"}


def discounts(shop: Shop) -> None:
    price = shop.price(2000)
    euros = {"eur": {"amount_off": 900}}
    share = shop.v1.coupons.create({"percent_off": 12.5, "duration": "repeating", "duration_in_months": 3})
    shop.v1.coupons.create(
        {
            "amount_off": 1000, "currency": "usd", "currency_options": euros, "name": "Ten",
            "applies_to": {"products": [price.product]},
        }
    )  # fmt: skip
    rules = {
        "minimum_amount": 100,
        "minimum_amount_currency": "usd",
        "currency_options": {"eur": {"minimum_amount": 90}},
    }
    code = shop.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": share.id}, "code": "SPRING", "restrictions": rules}
    )
    customer = shop.customer()
    shop.control("POST", "discounts", customer=customer.id, coupon=share.id)
    items = [{"price": price.id, "discounts": [{"coupon": share.id}]}]
    wanted = {"customer": customer.id, "items": items, "discounts": [{"promotion_code": code.id}]}
    made = shop.v1.subscriptions.create(wanted)
    shop.v1.subscriptions.delete_discount(made.id)
    shop.v1.promotion_codes.update(code.id, {"active": False})
    shop.v1.coupons.update(share.id, {"name": "Spring"})
    shop.pay(shop.session(price, discounts=[{"coupon": share.id}]))
    shop.v1.coupons.delete(share.id)


def taxes(shop: Shop) -> None:
    rates = [_rate(shop, inclusive=inclusive) for inclusive in (False, True)]
    for rate in rates:
        shop.subscription(default_tax_rates=[rate.id])
    customer = shop.customer(address=_ADDRESS)
    tax_id = shop.v1.customers.tax_ids.create(customer.id, {"type": "eu_vat", "value": "DE123456789"})
    shop.subscription(customer, automatic_tax={"enabled": True})
    shop.v1.customers.tax_ids.delete(customer.id, tax_id.id)
    shop.v1.customers.tax_ids.create(customer.id, {"type": "gb_vat", "value": "GB123456789"})
    shop.subscription(shop.customer(address={"country": "US"}), automatic_tax={"enabled": True})
    session = shop.session(customer=customer.id, automatic_tax={"enabled": True})
    shop.pay(session)
    shop.session(automatic_tax={"enabled": True}, tax_id_collection={"enabled": True})
    shop.v1.tax_rates.update(rates[0].id, {"active": False})


def credits_and_disputes(shop: Shop) -> None:
    made = shop.subscription(default_tax_rates=[_rate(shop, inclusive=False).id])
    invoice = shop.v1.invoices.retrieve(made.latest_invoice)
    line = {"type": "invoice_line_item", "invoice_line_item": invoice.lines.data[0].id, "amount": 500}
    back = {"refund_amount": 300, "credit_amount": 200, "out_of_band_amount": 100}
    shop.v1.credit_notes.create({"invoice": invoice.id, "lines": [line], **back, "reason": "duplicate"})
    custom: dict[str, Any] = {"type": "custom_line_item", "description": "Sorry", "unit_amount": 100, "quantity": 2}
    note = shop.v1.credit_notes.create({"invoice": invoice.id, "lines": [custom], "credit_amount": 200})
    shop.v1.credit_notes.update(note.id, {"memo": "Sorry"})
    billed = shop.subscription(collection_method="send_invoice", days_until_due=3).latest_invoice
    shop.v1.credit_notes.void_credit_note(shop.v1.credit_notes.create({"invoice": billed, "amount": 100}).id)
    shop.v1.invoices.send_invoice(billed)
    shop.v1.invoices.mark_uncollectible(billed)
    shop.v1.customers.balance_transactions.create(made.customer, {"amount": -50, "currency": "usd"})
    shop.subscription(shop.customer("pm_card_createDispute"))
    [dispute] = shop.v1.disputes.list().data
    shop.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})


def saved_cards(shop: Shop) -> None:
    customer = shop.customer()
    wanted = {"mode": "setup", "currency": "usd", "success_url": SUCCESS, "cancel_url": CANCEL}
    shop.pay(shop.v1.checkout.sessions.create(wanted | {"customer": customer.id}))
    asks = {"customer": customer.id, "payment_method": "pm_card_authenticationRequired", "confirm": True}
    made = shop.v1.setup_intents.create(asks)
    send(made.next_action.redirect_to_url.url, {"result": "fail"})
    shop.v1.setup_intents.cancel(made.id)


def _rate(shop: Shop, *, inclusive: bool) -> Any:
    given = {"display_name": "VAT", "percentage": 20, "inclusive": inclusive, "country": "GB", "tax_type": "vat"}
    return shop.v1.tax_rates.create(given)
