"""The least that Stripe charges: "If the amount due for the invoice is less than Stripe's minimum allowed charge per
currency, the invoice is automatically marked paid, and we add the amount due to the customer's credit balance"
(https://docs.stripe.com/api/invoices)."""

_LEAST = {"gbp": 30}  # https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
_USUAL = 50  # cents of a dollar or euro, or yen


def due(total: int, balance: int, currency: str) -> int:
    """What is charged of an invoice now, in the minor unit; `balance` below zero is the customer's credit."""
    wanted = max(total + balance, 0) if total >= 0 else 0
    return wanted if wanted >= _LEAST.get(currency, _USUAL) else 0
