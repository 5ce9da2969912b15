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


def told(change: AccessChange, who: Who) -> str:
    """ "On 3 Nov 2026 the event evt_1 (invoice.paid) moved it from Free to Starter 1: records 1,000 → 20,000." """
    differences = ", ".join(_differences(change.before, change.after))
    because = phrases.quoted(change.reason) if change.cause == "person" else ""
    said = f"On {phrases.day(change.at)} {_cause(change, who)} {_moved(change)}{': ' * bool(differences)}{differences}."
    return f"{said}{because}"


def _cause(change: AccessChange, who: Who) -> str:
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
