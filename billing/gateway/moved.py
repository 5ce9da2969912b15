"""Money that went back to cards or is asked back by banks: of whole payments, a hundred a call."""

import time
from collections.abc import Iterable
from typing import NamedTuple

import stripe

from billing.gateway.connection import client, reaches_stripe
from billing.gateway.reading import id_of

A_CALL = 100  # as many as Stripe lists at once
LATELY = 7 * 86_400  # seconds; longer than a daily job that fails is tried


class Moved(NamedTuple):
    """Of one payment, by the columns of its invoice."""

    refunded: int
    disputed: bool


@reaches_stripe
def lately() -> dict[str, Moved]:
    """By payment intent, each of which something was refunded or disputed within a week, by whomever."""
    since = int(time.time()) - LATELY
    refunds = client().v1.refunds.list({"limit": A_CALL, "created": {"gte": since}, "expand": ["data.charge"]})
    disputes = client().v1.disputes.list({"limit": A_CALL, "created": {"gte": since}, "expand": ["data.charge"]})
    told = [one.charge for found in (refunds.auto_paging_iter(), disputes.auto_paging_iter()) for one in found]
    return _by_intent(charge for charge in told if isinstance(charge, stripe.Charge))


@reaches_stripe
def of_customer(customer: str) -> dict[str, Moved]:
    """By payment intent, of a customer's hundred newest charges."""
    return _by_intent(client().v1.charges.list({"customer": customer, "limit": A_CALL}).data)


def _by_intent(charges: Iterable[stripe.Charge]) -> dict[str, Moved]:
    """Of several charges of one payment one at most has brought money."""
    paid = [charge for charge in charges if charge.paid]
    known = [(id_of(charge.payment_intent), Moved(charge.amount_refunded, charge.disputed)) for charge in paid]
    return {intent: moved for intent, moved in known if intent}
