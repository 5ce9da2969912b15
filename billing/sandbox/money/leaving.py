"""A customer is deleted: subscriptions end at once, cards are taken off, and only the id is left
(https://docs.stripe.com/api/customers/delete). Invoices and charges stay as they are."""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import closing, collecting, timetables
from billing.sandbox.values import Obj


def delete(account: Account, customer: Obj) -> Obj:
    """The mark that Stripe answers with from then on."""
    now = account.now(customer["id"])
    for subscription in account.all("subscription", customer=customer["id"]):
        if not subscription["ended_at"]:
            collecting.end(account, subscription, now, "cancellation_requested")
    closing.forget(account, customer["id"])
    timetables.abandon(account, customer["id"], now)
    for method in account.all("payment_method", customer=customer["id"]):
        events.changed(account, "payment_method.detached", method | {"customer": None})
    events.emit(account, "customer.deleted", customer)
    return account.delete(customer)
