"""What the portal's pages show and do, by the session's configuration."""

from typing import Any

from werkzeug.exceptions import NotFound

from billing.sandbox import cards, events
from billing.sandbox.account import Account
from billing.sandbox.money import charging, methods
from billing.sandbox.money.checkout import ChallengeWanted, Entry
from billing.sandbox.values import Obj

_ENDED = {"canceled", "incomplete_expired"}


def features(account: Account, session: Obj) -> Obj:
    found: Obj = account.get("billing_portal.configuration", session["configuration"])["features"]
    return found


def flow_page(session: Obj) -> str | None:
    """Where a session that was opened for one thing begins."""
    flow = session["flow"]
    if not flow:
        return None
    base, kind = f"/portal/{session['id']}", flow["type"]
    if kind == "payment_method_update":
        return f"{base}/card"
    details = flow.get(kind) or {}
    if kind == "subscription_cancel":
        return f"{base}/cancel/{details['subscription']}"
    if kind == "subscription_update_confirm":
        return f"{base}/plan/{details['subscription']}/confirm?price={details['items'][0].get('price', '')}"
    return f"{base}/plan/{details['subscription']}" if kind == "subscription_update" else None


def after(session: Obj) -> str:
    """Where one goes when something is done."""
    completion = (session["flow"] or {}).get("after_completion") or {}
    redirect = completion.get("redirect") or {}
    return str(redirect.get("return_url") or f"/portal/{session['id']}?home=1")


def subscriptions(account: Account, customer: Obj) -> list[Obj]:
    """Those that live, each with the names of its products."""
    found = [each for each in account.all("subscription", customer=customer["id"]) if each["status"] not in _ENDED]
    for subscription in found:
        for item in subscription["items"]["data"]:
            item["name"] = account.get("product", item["price"]["product"])["name"]
    return found


def newest(account: Account, customer: Obj) -> Obj | None:
    return next(iter(subscriptions(account, customer)), None)


def subscription(account: Account, customer: Obj, wanted: str) -> Obj:
    for found in account.all("subscription", customer=customer["id"]):
        if found["id"] == wanted and found["status"] not in _ENDED:
            return found
    raise NotFound("There is no such subscription, or it has ended.")


def choices(account: Account, session: Obj, subscription: Obj) -> list[Obj]:
    """Prices that the configuration offers, or all active ones of the same currency; each with its product's name."""
    offered = [
        price
        for product in features(account, session)["subscription_update"]["products"] or []
        for price in product["prices"]
    ]
    prices = [account.get("price", wanted) for wanted in offered] or account.all("price", active=True)
    fitting = [
        price
        for price in prices
        if price["active"] and price["recurring"] and price["currency"] == subscription["currency"]
    ]
    named = [price | {"name": account.get("product", price["product"])["name"]} for price in fitting]
    return sorted(named, key=lambda price: (price["recurring"]["interval"], price["unit_amount"] or 0))


def choice(account: Account, session: Obj, subscription: Obj, wanted: str) -> Obj | None:
    return next((price for price in choices(account, session, subscription) if price["id"] == wanted), None)


def change_to(account: Account, session: Obj, subscription: Obj, price: Obj) -> dict[str, Any]:
    """The update that moves a subscription to another price."""
    item = subscription["items"]["data"][0]
    return {
        "items": [{"id": item["id"], "price": price["id"], "quantity": item["quantity"]}],
        "proration_behavior": features(account, session)["subscription_update"]["proration_behavior"],
        "payment_behavior": "error_if_incomplete",
    }


def replace_card(account: Account, customer: Obj, entry: Entry, *, authenticated: bool) -> None:
    """From now on everything of this customer is charged to the new card. Raises CardDeclined, ChallengeWanted."""
    details = {"name": entry.name, "email": customer["email"]}
    method = methods.from_card(account, cards.by_number(entry.number), entry.month, entry.year, details)
    methods.attach(account, method, customer)
    if charging.asks_now(account, method) and not authenticated:
        raise ChallengeWanted
    if authenticated:
        account.keep(method["id"], authenticated=True)
    methods.make_default(account, customer, method)
    for found in account.all("subscription", customer=customer["id"]):
        if found["default_payment_method"] and found["status"] not in _ENDED:
            found["default_payment_method"] = method["id"]
            events.changed(account, "customer.subscription.updated", found)
