"""What an admin should look at, noticed whenever Stripe has told us of something, however we came to ask."""

from billing.gateway.objects import InvoiceState, SubscriptionState
from billing.gateway.payers import CustomerState
from billing.mirrored import flags
from billing.money import shown

DISPUTE, REFUND, DELETED, TWICE, STRANGE = "dispute", "refund", "customer-deleted", "two-subscriptions", "stray"


def look(tenant: str, found: SubscriptionState | InvoiceState | CustomerState) -> None:
    """Raise a flag for what strikes, in the caller's transaction; once for each thing."""
    if isinstance(found, InvoiceState):
        _invoice(tenant, found)
        return
    payer = found if isinstance(found, CustomerState) else found.payer
    if payer and payer.deleted:
        text = "The customer was deleted at Stripe, and its subscription with it. Who pays again becomes a new one."
        flags.raise_flag(tenant, DELETED, payer.id, text)


def twice(tenant: str, subscription: str, other: str) -> bool:
    """Of two subscriptions that both charge; False where the flag was raised before."""
    text = f"Two subscriptions charge this workspace: {subscription} and {other}. Cancel one at Stripe, and refund it."
    return flags.raise_flag(tenant, TWICE, other, text)


def stray(tenant: str, subscription: str, customer: str) -> bool:
    """Of a subscription for a tenant that another customer pays than the tenant's own; False as above."""
    text = (
        f"The subscription {subscription} names this workspace, but {customer} is not its customer. It gives nothing."
    )
    return flags.raise_flag(tenant, STRANGE, subscription, text)


def _invoice(tenant: str, found: InvoiceState) -> None:
    named = f"the invoice {found.number or found.id}"
    if found.disputed:
        text = (
            f"The payment of {shown(found.paid, found.currency)} for {named} is disputed. Answer it at Stripe in time."
        )
        flags.raise_flag(tenant, DISPUTE, found.payment or found.id, text)
    for refund in found.elsewhere:
        text = f"{shown(refund.amount, found.currency)} of {named} were refunded at Stripe, and not by an admin here."
        flags.raise_flag(tenant, REFUND, refund.id, text)
