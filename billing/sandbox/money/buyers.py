"""Who completes a Checkout page: what they told of themselves, and the customer that comes of it."""

from dataclasses import dataclass

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import taxids
from billing.sandbox.shapes import people
from billing.sandbox.values import Obj


@dataclass(frozen=True)
class Buyer:
    email: str
    address: Obj | None = None  # country, line1, postal_code, city
    business: str | None = None
    tax_id: str | None = None  # well-formed


def customer(account: Account, session: Obj, buyer: Buyer, name: str) -> Obj | None:
    """The session's customer with what the call lets the page save, or a new one; none for a card without either."""
    if session["customer"]:
        return _known(account, session, buyer)
    if session["mode"] == "setup":
        return None
    details = {"email": buyer.email, "name": buyer.business or name}
    made = people.customer(details | ({"address": buyer.address} if buyer.address else {}), account.now())
    events.added(account, "customer.created", made)
    return keep_tax_id(account, made, buyer)


def details(account: Account, found: Obj | None, buyer: Buyer) -> Obj:
    """What the completed session shows of them."""
    held = account.all("tax_id", customer=found["id"]) if found else []
    address = buyer.address or (found or {}).get("address") or {}
    return {
        "address": people.billing_details({"address": address})["address"],
        "business_name": buyer.business,
        "email": buyer.email or (found or {}).get("email"),
        "individual_name": None,
        "name": (found or {}).get("name"),
        "phone": (found or {}).get("phone"),
        "tax_exempt": (found or {}).get("tax_exempt") or "none",
        "tax_ids": [{"type": each["type"], "value": each["value"]} for each in reversed(held)],
    }


def _known(account: Account, session: Obj, buyer: Buyer) -> Obj:
    found = account.living("customer", session["customer"], "customer")
    saves = account.private(session["id"]).get("saves") or {}
    new = {} if found["email"] else {"email": buyer.email}
    if saves.get("address") == "auto" and buyer.address:
        new |= people.addressed(found | {"address": buyer.address})
    if saves.get("name") == "auto" and buyer.business:
        new |= {"name": buyer.business}
    if new:
        found = events.changed(account, "customer.updated", found | new)
    return keep_tax_id(account, found, buyer)


def keep_tax_id(account: Account, found: Obj, buyer: Buyer) -> Obj:
    """The customer, who has the tax id from now on."""
    kind = taxids.kind_of(buyer.tax_id) if buyer.tax_id else None
    if kind and buyer.tax_id:
        held = {each["value"] for each in account.all("tax_id", customer=found["id"])}
        if buyer.tax_id.strip().upper() not in held:
            taxids.add(account, found, kind, buyer.tax_id)
    return found
