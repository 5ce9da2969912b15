"""Money that a customer need not pay: credit on their account, and coupons made for one of them."""

from billing.gateway.connection import client, reaches_stripe
from billing.gateway.objects import OWN_PRICE


@reaches_stripe
def credit(customer: str, amount: int, currency: str, *, text: str, key: str) -> None:
    """Put credit on a customer's account, by which their next invoices are less."""
    # Below zero is what we owe: https://docs.stripe.com/billing/customer/balance
    client().v1.customers.balance_transactions.create(
        customer, {"amount": -amount, "currency": currency, "description": text}, {"idempotency_key": key}
    )


@reaches_stripe
def own_price(*, name: str, off: int, currency: str, product: str, months: int | None, key: str) -> str:
    """A coupon that takes `off` from one plan's product, for so many months or, with None, for ever; returns its id."""
    made = client().v1.coupons.create(
        {
            "name": name[:40],
            "amount_off": off,
            "currency": currency,
            "applies_to": {"products": [product]},
            "max_redemptions": 1,
            "metadata": {OWN_PRICE: "1"},
            **({"duration": "repeating", "duration_in_months": months} if months else {"duration": "forever"}),
        },
        {"idempotency_key": key},
    )
    return made.id
