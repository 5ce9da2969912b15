"""Which of Stripe's objects an event makes us fetch, by its type. Of its body nothing is believed but their ids."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.errors import Missing
from billing.gateway import invoices, payers, subscriptions
from billing.inbox import following
from billing.inbox.following import Followed
from billing.mirrored.mirror import Stored


@dataclass(frozen=True)
class About:
    """What an event is about, as far as its body is believed."""

    type: str
    object: Mapping[str, Any]
    asked_at: datetime
    before: Mapping[str, Any]  # what has changed of it
    ours: tuple[str, ...] = ()  # the subscriptions that we take to be live, of the customer that it names
    known: str | None = None  # whose object it is, where that was asked for since it came: what it tells is known

    def id_of(self, name: str) -> str:
        """Of the object that a field names, as a text or whole; "" of none."""
        found = self.object.get(name) or self.before.get(name)
        return str(found.get("id") or "" if isinstance(found, dict) else found or "")


@dataclass(frozen=True)
class Fetched:
    """What Stripe says now of what an event is about."""

    asked_at: datetime
    found: tuple[Stored, ...] = ()
    followed: Followed | None = None
    gone: str | None = None  # what was asked for and is not there any more
    lost: tuple[str, ...] = ()  # subscriptions that went with their customer
    needed: bool = True  # False: nothing was to be asked
    unknown: bool = False  # nobody here knows its type
    tenant: str | None = None  # whose it is, where that was known without asking


Asker = Callable[[About], Fetched]


def fetch(what: About) -> Fetched:
    """Ask Stripe, with no transaction open."""
    if what.known:
        return Fetched(what.asked_at, needed=False, tenant=what.known)
    asker = _asker(what.type)
    return asker(what) if asker else Fetched(what.asked_at, needed=False, unknown=not ignored(what.type))


def ignored(type_: str) -> bool:
    """Whether such events are known to tell nothing that we keep."""
    return _asker(type_) is None and type_.partition(".")[0] in _LEFT


def known(type_: str) -> bool:
    return _asker(type_) is not None or ignored(type_)


def object_of(type_: str, shown: Mapping[str, Any]) -> tuple[str, str] | None:
    """Which object an event makes us fetch, as "subscription", "invoice" or "customer" and its id.

    None where it may be another one than is shown, or more.
    """
    kind, field = _OBJECTS.get(type_.rpartition(".")[0], ("", ""))
    if type_ in _ASKERS or not kind:
        return None
    return kind, str(shown.get(field) or "")


def customer_of(type_: str, shown: Mapping[str, Any]) -> str | None:
    """The customer that an event of this type is about, where it is about one as a whole."""
    return str(shown.get("id") or "") if type_.rpartition(".")[0] == "customer" else None


def _asker(type_: str) -> Asker | None:
    return _ASKERS.get(type_) or _ASKERS.get(type_.rpartition(".")[0])


def _session(what: About) -> Fetched:
    return _of(what, "id", lambda id_: Fetched(what.asked_at, followed=following.ask(id_, what.asked_at)))


def _subscription(field: str) -> Asker:
    def ask(id_: str) -> Iterator[Stored]:
        found = subscriptions.fetch(id_)
        yield found
        if found.latest_invoice:
            yield invoices.fetch(found.latest_invoice)

    return lambda what: _of(what, field, lambda id_: Fetched(what.asked_at, tuple(ask(id_))))


def _schedule(what: About) -> Fetched:
    """One that was released names its subscription otherwise."""
    return _subscription("subscription" if what.id_of("subscription") else "released_subscription")(what)


def _upcoming(what: About) -> Fetched:
    """The invoice is not there yet; whose it will be is."""
    parent = (what.object.get("parent") or {}).get("subscription_details") or {}
    told = About(what.type, parent, what.asked_at, {})
    return _subscription("subscription")(told)


def _invoice(field: str) -> Asker:
    return lambda what: _of(what, field, lambda id_: Fetched(what.asked_at, _with_subscription(id_)))


def _payment(what: About) -> Fetched:
    """A charge, a refund or a dispute, of whatever invoice was paid by it."""

    def ask(intent: str) -> Fetched:
        paid = invoices.of_payment(intent)
        return Fetched(what.asked_at, _with_subscription(paid) if paid else ())

    return _of(what, "payment_intent", ask)


def _customer(field: str) -> Asker:
    def ask(what: About) -> Fetched:
        payer = payers.fetch_customer(what.id_of(field))
        ended, lost = subscriptions.known(what.ours if payer.deleted else ())  # which ended with it
        return Fetched(what.asked_at, (payer, *ended), lost=tuple(lost))

    return lambda what: _of(what, field, lambda _id: ask(what))


def _clock(what: About) -> Fetched:
    """All who live by it are settled anew: for them it is later now."""

    def ask(clock: str) -> Iterator[Stored]:
        for customer in payers.on_clock(clock):
            yield payers.fetch_customer(customer)
            yield from subscriptions.of_customer(customer)

    return _of(what, "id", lambda id_: Fetched(what.asked_at, tuple(ask(id_))))


def _with_subscription(invoice: str) -> tuple[Stored, ...]:
    found = invoices.fetch(invoice)
    return (found, subscriptions.fetch(found.subscription)) if found.subscription else (found,)


def _of(what: About, field: str, ask: Callable[[str], Fetched]) -> Fetched:
    id_ = what.id_of(field)
    if not id_:
        return Fetched(what.asked_at)
    try:
        return ask(id_)
    except Missing:  # deleted meanwhile, as drafts are
        return Fetched(what.asked_at, gone=id_)


# By the type, or by what is before its last dot.
_ASKERS: dict[str, Asker] = {
    "charge.dispute": _payment,
    "charge.refund": _payment,
    "charge.refunded": _payment,
    "checkout.session": _session,
    "credit_note": _invoice("invoice"),
    "customer": _customer("id"),
    "customer.discount": _customer("customer"),
    "customer.subscription": _subscription("id"),
    "customer.tax_id": _customer("customer"),
    "invoice": _invoice("id"),
    "invoice.upcoming": _upcoming,
    "invoice_payment": _invoice("invoice"),
    "payment_method": _customer("customer"),
    "refund": _payment,
    "setup_intent": _customer("customer"),
    "subscription_schedule": _schedule,
    "test_helpers.test_clock.ready": _clock,
}
# By the first word. What these change for a tenant comes as an event of its invoice as well.
_LEFT = {
    "account", "balance", "billing", "billing_portal", "charge", "coupon", "invoiceitem", "payment_intent", "payout",
    "plan", "price", "product", "promotion_code", "tax_rate", "test_helpers", "transfer",
}  # fmt: skip
_OBJECTS = {
    "customer": ("customer", "id"),
    "customer.subscription": ("subscription", "id"),
    "invoice": ("invoice", "id"),
    "invoice_payment": ("invoice", "invoice"),
}
