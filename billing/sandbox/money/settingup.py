"""A setup intent meets a card: it is kept for later payments, is refused, or asks for 3-D Secure."""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.cards import FAILED_CHALLENGE
from billing.sandbox.errors import CardDeclined
from billing.sandbox.money import methods
from billing.sandbox.values import Obj


def confirm(account: Account, intent: Obj, method: Obj, *, authenticated: bool = False) -> Obj:
    """Raises CardDeclined for a card that the bank refuses at once; the intent remembers it."""
    intent |= {"payment_method": method["id"], "last_setup_error": None, "next_action": None}
    if methods.card_of(account, method).secure and not authenticated:
        intent |= {"status": "requires_action", "next_action": _challenge(account, intent)}
        return events.changed(account, "setup_intent.requires_action", intent)
    try:
        if intent["customer"]:
            methods.attach(account, method, account.living("customer", intent["customer"], "customer"))
    except CardDeclined as error:
        _failed(account, intent, method, error)
        raise
    account.keep(method["id"], authenticated=True)
    _given_to_subscription(account, intent, method)
    return events.changed(account, "setup_intent.succeeded", intent | {"status": "succeeded"})


def _given_to_subscription(account: Account, intent: Obj, method: Obj) -> None:
    """A trial that began without a card has one now; it is the subscription's own when that was asked for."""
    wanted = account.private(intent["id"]).get("subscription")
    if wanted is None:
        return
    found = account.get("subscription", wanted) | {"pending_setup_intent": None}
    if found["payment_settings"]["save_default_payment_method"] == "on_subscription":
        found["default_payment_method"] = method["id"]
    events.changed(account, "customer.subscription.updated", found)


def fail_challenge(account: Account, intent: Obj) -> Obj:
    method = account.get("payment_method", intent["payment_method"])
    return _failed(account, intent, method, FAILED_CHALLENGE.error())


def cancel(account: Account, intent: Obj, reason: str | None) -> Obj:
    made = intent | {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    return events.changed(account, "setup_intent.canceled", made)


def _failed(account: Account, intent: Obj, method: Obj, error: CardDeclined) -> Obj:
    told = error.body()["error"] | {"payment_method": method}
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    return events.changed(account, "setup_intent.setup_failed", intent | {"last_setup_error": told})


def _challenge(account: Account, intent: Obj) -> Obj:
    url = f"{account.config.public_url}/authenticate/{intent['id']}"
    back = account.private(intent["id"]).get("return_url")
    return {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": back}}
