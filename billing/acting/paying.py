"""What is open is paid at once, with another card or the same one, and what was closed for it is open again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from billing.acting.acts import act
from billing.entitlement import access, dunning, entitlements
from billing.entitlement.dunning import Step
from billing.entitlement.entitlements import Cause
from billing.errors import CardDeclined, NoSubscription, Refused
from billing.gateway import cards, invoices, portal, subscriptions
from billing.inbox.reconcile import Looked
from billing.mirrored import mirror
from billing.models import OLDEST_FIRST, Invoice, Subscription
from saas.core.database import db, outside

_MOST = 12  # invoices that are paid at one go


@dataclass(frozen=True)
class Debt:
    """What a tenant has to pay, and until when."""

    subscription: Subscription | None
    invoices: Sequence[Invoice]  # that are open, the oldest first
    step: Step | None  # what happens next if nobody pays

    @property
    def amount(self) -> int:
        """In the minor unit of the subscription's currency."""
        return sum(invoice.due for invoice in self.invoices)


@dataclass
class Outcome:
    """How it went: invoices by their ids, and what the bank said of those that it refused."""

    paid: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def debt_of(tenant: str) -> Debt:
    subscription = mirror.subscription_of(tenant)
    threatened = subscription and subscription.live and not access.grant_of(tenant)
    step = dunning.step_after(subscription, mirror.time_of(tenant)) if threatened else None
    return Debt(subscription, _open(tenant), step)


def other_card(tenant: str, *, back: str, then: str) -> str:
    """Where the card is updated, at Stripe; it leads `back`, or when that is done, to where what is open is paid.

    Raises NoSubscription where nobody ever paid.
    """
    customer = mirror.customer_of(tenant)
    if customer is None or customer.stripe_id is None:
        raise NoSubscription
    stripe_id = customer.stripe_id
    with outside():
        return portal.update_card(customer=stripe_id, return_url=back, then=then)


def pay_open(tenant: str, *, actor: str, key: UUID, updated: bool = False) -> Outcome:
    """Charge all that is open, at once; the same `key` again charges nothing.

    A card that was `updated` just now becomes the subscription's first. Raises NoSubscription, and as `act` does.
    """
    entitlements.lock(tenant)
    customer, found = mirror.customer_of(tenant), mirror.live_subscription_of(tenant)
    if customer is None or customer.stripe_id is None:
        raise NoSubscription
    payer, subscription, wanted = customer.stripe_id, found.id if found else None, [one.id for one in _open(tenant)]
    done = Outcome()
    with act("invoices.paid", tenant, actor, "To be paid at once.", key, kept=False, invoices=wanted) as asked:
        if not asked.done:
            method = cards.adopt(payer, subscription, key=f"{asked.key}:card") if updated else None
            for id_ in wanted:
                _pay(id_, method, f"{asked.key}:{id_}", done)
            asked.detail |= {"paid": done.paid, "refused": done.refused}
    _keep(tenant, subscription, wanted, Cause("person", actor, "Paid what was open."))
    return done


def ask(subscription: str, asked_at: datetime) -> Looked:
    """A subscription and its newest invoices, with no transaction open."""
    found = subscriptions.fetch(subscription)
    return Looked((found, *(invoices.fetch(id_) for id_ in invoices.open_of(subscription, _MOST))), asked_at)


def store(tenant: str, looked: Looked) -> None:
    entitlements.lock(tenant)
    for one in looked.found:
        mirror.store(tenant, one, looked.asked_at)


def _pay(id_: str, method: str | None, key: str, done: Outcome) -> None:
    try:
        invoices.pay(id_, key=key, method=method)
        done.paid.append(id_)
    except CardDeclined as error:
        done.refused[id_] = error.reason
    except Refused:  # it is paid already, or void: what it is shows when it is fetched
        pass


def _keep(tenant: str, subscription: str | None, wanted: Sequence[str], cause: Cause) -> None:
    asked_at = mirror.now()
    with outside():
        found = [invoices.fetch(id_) for id_ in wanted]
        looked = Looked((*([subscriptions.fetch(subscription)] if subscription else []), *found), asked_at)
    store(tenant, looked)
    entitlements.settle(tenant, cause)


def _open(tenant: str) -> Sequence[Invoice]:
    ordered = sa.select(Invoice).where(*mirror.unpaid(tenant)).order_by(*OLDEST_FIRST).limit(_MOST)
    return db.session.scalars(ordered.execution_options(populate_existing=True)).all()
