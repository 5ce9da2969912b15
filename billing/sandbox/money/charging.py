"""A payment intent meets a card: it succeeds, is declined, or asks for 3-D Secure."""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.cards import FAILED_CHALLENGE, Card, Decline
from billing.sandbox.money import disputing, methods
from billing.sandbox.shapes import payments
from billing.sandbox.values import Obj


def confirm(account: Account, intent: Obj, method: Obj, *, authenticated: bool = False) -> Obj:
    """Charge a card once; what came of it is the intent's status."""
    card = methods.card_of(account, method)
    intent |= {"payment_method": method["id"], "last_payment_error": None, "next_action": None}
    if _asks(account, card, method) and not authenticated:
        intent |= {"status": "requires_action", "next_action": _challenge(account, intent)}
        return events.changed(account, "payment_intent.requires_action", intent)
    if authenticated:
        account.keep(method["id"], authenticated=True)
    return _refused(account, intent, method, card.on_charge) if card.on_charge else _charged(account, intent, method)


def fail_challenge(account: Account, intent: Obj) -> Obj:
    method = account.get("payment_method", intent["payment_method"])
    return _refused(account, intent, method, FAILED_CHALLENGE)


def cancel(account: Account, intent: Obj, reason: str | None, now: int) -> Obj:
    intent |= {"status": "canceled", "canceled_at": now, "cancellation_reason": reason, "next_action": None}
    return events.changed(account, "payment_intent.canceled", intent)


def asks_now(account: Account, method: Obj) -> bool:
    """Whether this card asks for 3-D Secure at its next payment."""
    return _asks(account, methods.card_of(account, method), method)


def _asks(account: Account, card: Card, method: Obj) -> bool:
    return card.secure == "always" or (card.secure == "once" and not account.private(method["id"]).get("authenticated"))


def _charged(account: Account, intent: Obj, method: Obj) -> Obj:
    charge = _charge(account, intent, method, None)
    intent |= {"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"]}
    account.save(intent)
    events.emit(account, "charge.succeeded", charge)
    events.emit(account, "payment_intent.succeeded", intent)
    if methods.card_of(account, method).disputed:
        disputing.begin(account, charge)
    return intent


def _refused(account: Account, intent: Obj, method: Obj, decline: Decline) -> Obj:
    charge = _charge(account, intent, method, decline)
    error = decline.error().body()["error"] | {"charge": charge["id"], "payment_method": method}
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": error,
        "latest_charge": charge["id"],
    }
    account.save(intent)
    events.emit(account, "charge.failed", charge)
    events.emit(account, "payment_intent.payment_failed", intent)
    return intent


def _charge(account: Account, intent: Obj, method: Obj, decline: Decline | None) -> Obj:
    now = account.now(intent["customer"])
    made = payments.charge(intent, method, decline, now, "")
    made["receipt_url"] = None if decline else f"{account.config.public_url}/receipts/{made['id']}"
    return account.add(made)


def _challenge(account: Account, intent: Obj) -> Obj:
    url = f"{account.config.public_url}/authenticate/{intent['id']}"
    return {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": None}}
