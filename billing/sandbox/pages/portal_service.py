"""What the portal's pages show and do, by the session's configuration."""

from werkzeug.exceptions import NotFound

from billing.sandbox import cards, events
from billing.sandbox.account import Account
from billing.sandbox.money import charging, lines, methods
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
    if kind in {"payment_method_update", "customer_update"}:
        return f"{base}/{'card' if kind == 'payment_method_update' else 'details'}"
    details = flow.get(kind) or {}
    if kind == "subscription_cancel":
        return f"{base}/cancel/{details['subscription']}"
    if kind == "subscription_update_confirm":
        return f"{base}/plan/{details['subscription']}/confirm?price={details['items'][0].get('price', '')}"
    return f"{base}/plan/{details['subscription']}" if kind == "subscription_update" else None


def after(session: Obj) -> str:
    """Where one goes when something is done."""
    completion = (session["flow"] or {}).get("after_completion") or {}
    if completion.get("type") == "hosted_confirmation":
        return f"/portal/{session['id']}/done"
    redirect = completion.get("redirect") or {}
    return str(redirect.get("return_url") or f"/portal/{session['id']}?home=1")


def subscriptions(account: Account, customer: Obj) -> list[Obj]:
    """Those that live, each with the names of its products."""
    found = [each for each in account.all("subscription", customer=customer["id"]) if each["status"] not in _ENDED]
    for subscription in found:
        for item in subscription["items"]["data"]:
            item["name"] = account.get("product", item["price"]["product"])["name"]
            item["whole"] = lines.whole(account, subscription, item)["amount"]
    return found


def newest(account: Account, customer: Obj) -> Obj | None:
    return next(iter(subscriptions(account, customer)), None)


def subscription(account: Account, customer: Obj, wanted: str) -> Obj:
    for found in account.all("subscription", customer=customer["id"]):
        if found["id"] == wanted and found["status"] not in _ENDED:
            return found
    raise NotFound("There is no such subscription, or it has ended.")


def replace_card(account: Account, customer: Obj, entry: Entry, *, authenticated: bool) -> None:
    """From now on everything of this customer is charged to the new card. Raises CardDeclined, ChallengeWanted."""
    details = {"name": entry.name, "email": customer["email"]}
    method = methods.from_card(account, cards.by_number(entry.number), entry.month, entry.year, details)
    methods.attach(account, method, customer)
    if charging.asks_now(account, method) and not authenticated:
        raise ChallengeWanted
    if authenticated:
        account.keep(method["id"], authenticated=True)
    charge_from_now_on(account, customer, method)


def charge_from_now_on(account: Account, customer: Obj, method: Obj) -> None:
    methods.make_default(account, customer, method)
    for found in account.all("subscription", customer=customer["id"]):
        if found["default_payment_method"] and found["status"] not in _ENDED:
            found["default_payment_method"] = method["id"]
            events.changed(account, "customer.subscription.updated", found)
