"""The cards that customers pay with; their numbers are never seen here."""

import stripe

from billing.gateway.connection import client, reaches_stripe
from billing.gateway.reading import id_of


@reaches_stripe
def adopt(customer: str, subscription: str | None, *, key: str) -> str | None:
    """Let a subscription be charged by its customer's own card, which is the one updated last; returns its id.

    Checkout gives each subscription a card of its own, and that goes before the customer's, which the portal updates:
    https://docs.stripe.com/billing/subscriptions/overview#default-payment-methods
    None: the customer has none, and the subscription's stays.
    """
    settings = client().v1.customers.retrieve(customer).invoice_settings
    method = id_of(settings.default_payment_method) if settings else None
    if method and subscription:
        wanted: stripe.params.SubscriptionUpdateParams = {"default_payment_method": method}
        client().v1.subscriptions.update(subscription, wanted, {"idempotency_key": key})
    return method


@reaches_stripe
def fingerprint(subscription: str) -> str | None:
    """What is the same for the same card with any customer of ours; None where no card is given yet.

    https://docs.stripe.com/api/payment_methods/object#payment_method_object-card-fingerprint
    """
    found = client().v1.subscriptions.retrieve(subscription, {"expand": ["customer"]})
    customer = found.customer
    settings = customer.invoice_settings if isinstance(customer, stripe.Customer) else None
    method = id_of(found.default_payment_method) or (id_of(settings.default_payment_method) if settings else None)
    if method is None:
        return None
    card = client().v1.payment_methods.retrieve(method).card
    return card.fingerprint if card else None
