"""Each change of access as a sentence: when, by what, from what to what."""

from collections.abc import Iterator, Mapping
from typing import Any

from billing.ledger import AccessChange
from billing.why import phrases
from billing.why.phrases import Who
from tenants.usage import limits

# Of ours, by the names that stand in a row's `source`.
_RULES = {
    "sign-up": "signing up",
    "dunning": "the rule for payments that fail",
    "one-trial": "the rule of one trial for each business",
    "grant-over": "the end of what was given",
    "override-over": "the end of an override",
    "spending-cap": "the cap on what use may cost",
    "reconcile": "comparing with Stripe",
    "follow": "looking after the payment at Stripe",
    "checkout": "the payment",
}


# What an event of Stripe's comes to, as a workspace's own people know it, by the beginning of its type.
_EVENTS = {
    "invoice.payment_failed": "a payment that failed",
    "invoice.": "a payment",
    "invoice_payment.": "a payment",
    "checkout.": "a payment",
    "customer.subscription.deleted": "the end of the plan",
    "customer.subscription.": "a change of the plan",
    "subscription_schedule.": "a change that was planned",
}
# Reasons that an act of ours brings along, where nobody has written one.
_SEATS = "Room for more people."
_OURS = {
    _SEATS, "As many as people.", "Chosen on the plan page.", "Another spending cap.", "Paid what was open.",
    "To be paid at once.", "No reason given.", "A promotion code.",
}  # fmt: skip


def told(change: AccessChange, who: Who) -> str:
    """ "On 3 Nov 2026 the event evt_1 (invoice.paid) moved it from Free to Starter 1: records 1,000 → 20,000." """
    because = written(change.reason) if change.cause == "person" else ""
    return f"On {phrases.day(change.at)} {_cause(change, who)} {_done(change, who)}.{because}"


def written(reason: str | None) -> str:
    """The reason, where somebody has written one."""
    return "" if reason in _OURS else phrases.quoted(reason)


def _done(change: AccessChange, who: Who) -> str:
    differences = list(_differences(change.before, change.after))
    if change.reason == _SEATS and len(differences) == 1 and (more := _more_seats(change)):
        return more
    moved = _moved(change)
    if who.plainly and differences and moved.startswith("left"):
        return f"changed {', '.join(differences)}"
    return f"{moved}: {', '.join(differences)}" if differences else moved


def _more_seats(change: AccessChange) -> str:
    """ "bought 2 seats: 20 → 22"; "" where it is no change of these alone."""
    before, after = ((side or {}).get("limits", {}).get(limits.SEATS.name) for side in (change.before, change.after))
    if not before or not after or after <= before:
        return ""
    more = after - before
    return f"bought {more:,} {'seat' if more == 1 else 'seats'}: {before:,} → {after:,}"


def _cause(change: AccessChange, who: Who) -> str:
    if change.cause == "event" and who.plainly:
        type_ = change.reason or ""
        return next((said for begins, said in _EVENTS.items() if type_.startswith(begins)), "the payment provider")
    if change.cause == "event":
        return f"the event {change.source} ({change.reason})" if change.reason else f"the event {change.source}"
    if change.cause == "person":
        return who(change.source)
    return _RULES.get(change.source, f"the rule “{change.source}”")


def _moved(change: AccessChange) -> str:
    after = _plan(change.after)
    if change.before is None:
        return f"put it on {after}"
    before = _plan(change.before)
    return f"left it on {after}" if before == after else f"moved it from {before} to {after}"


def _plan(side: Mapping[str, Any]) -> str:
    return phrases.plan(side["plan"], side.get("version"))


def _differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[str]:
    if before is None:
        return
    for limit in limits.every():
        old, new = (limits.allowed(side["limits"], limit) for side in (before, after))
        if old != new:
            yield f"{_lower(limit.label)} {phrases.allowance(limit, old)} → {phrases.allowance(limit, new)}"
    if before["standing"] != after["standing"]:
        yield f"standing {_words(before['standing'])} → {_words(after['standing'])}"


def _lower(label: str) -> str:
    """In the middle of a sentence; "API calls" stays."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _words(name: str) -> str:
    return name.replace("_", " ")
