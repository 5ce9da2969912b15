"""Paying back."""

from collections.abc import Sequence

from billing.acting import refunds
from billing.money import minor, shown
from saas.console import choices
from saas.console.accounts import Account
from saas.console.actions import Action, Change, Chosen, Order


def _refunding(account: Account, chosen: Chosen) -> Sequence[Change]:
    (invoice,) = (invoice for invoice in account.refundable if invoice.id == chosen["invoice"])
    back = minor(chosen["amount"], invoice.currency) or 0
    before, after = invoice.refunded, invoice.refunded + back
    sides = [("Refunded", before, after), ("Kept", invoice.paid - before, invoice.paid - after)]
    return [Change(what, shown(old, invoice.currency), shown(new, invoice.currency)) for what, old, new in sides]


def _refund(order: Order) -> None:
    (currency,) = {one.currency for one in order.account.refundable if one.id == order.chosen["invoice"]}
    amount = minor(order.chosen["amount"], currency) or 0
    refunds.refund(
        order.account.id, order.chosen["invoice"], amount, actor=order.actor, reason=order.reason, key=order.key
    )


ACTIONS = (
    Action(
        "refund",
        "Refund",
        "Pays back some or all of what was paid for an invoice. The subscription stays as it is.",
        "The refund is on its way.",
        lambda account: bool(account.refundable),
        _refunding,
        _refund,
        choice=choices.refund,
        harsh=True,
    ),
)
