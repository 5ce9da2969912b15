"""What a change of plan charges at once, as the page shows it: that is charged, or nothing is changed."""

from collections.abc import Sequence
from typing import Any

from billing.acting import changing
from billing.acting.changing import Offer
from billing.errors import StaleOffer
from billing.gateway.previews import Preview
from billing.money import shown
from billing.plans.catalog import Price
from saas.console.accounts import Account
from saas.console.actions import Change, Chosen, Order

_WHAT = "Charged now"


def lines(account: Account, price: Price, chosen: Chosen, *, at_once: bool) -> Sequence[Change]:
    """Of a form that was sent, what it showed: sent again it has to be the same. Raises StripeAway."""
    if chosen.get("at"):
        sent = {"at": str(int(chosen["at"].timestamp())), "due": str(chosen["due"] or 0)}
        return [Change(_WHAT, "", shown(chosen["due"] or 0, price.currency), sent)]
    had = -account.balance
    offer = changing.offer(account.id, price, at_once=at_once)
    found = offer.preview
    charged = Change(_WHAT, "", _charged(offer), _sends(offer))
    return [charged, *_credit(had, found)] if found else [charged]


def change(order: Order, price: Price, *, at_once: bool) -> None:
    """Raises StaleOffer, also of a form that tells nothing of what it had shown."""
    at, due = order.chosen.get("at"), order.chosen.get("due")
    if at is None or due is None:
        raise StaleOffer
    who: dict[str, Any] = {"actor": order.actor, "reason": order.reason, "key": order.key}
    changing.change_plan(order.account.id, price, at=at, due=due, at_once=at_once, **who)


def _charged(offer: Offer) -> str:
    if offer.preview:
        return shown(offer.preview.due, offer.preview.currency)
    return "Nothing: it comes later" if offer.when == "later" else "Nothing: the trial goes on"


def _sends(offer: Offer) -> dict[str, str]:
    return {"at": str(int(offer.at.timestamp())), "due": str(offer.preview.due if offer.preview else 0)}


def _credit(had: int, found: Preview) -> list[Change]:
    """What was taken off the charge, or what is left of the old plan and taken off the next invoices."""
    left = had + found.due - found.total
    if not (had or left):
        return []
    return [Change("Credit", shown(had, found.currency), shown(left, found.currency))]
