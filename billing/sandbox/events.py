"""Events: written in the transaction of the change they tell of, with a delivery for each endpoint that wants them."""

import json
import time

from billing.sandbox.account import Account
from billing.sandbox.values import Obj, new_id

API_VERSION = "2026-10-28.endive"


def emit(account: Account, kind: str, obj: Obj, before: Obj | None = None) -> None:
    """`before` is the object as it was: what changed is named in `previous_attributes`."""
    data: Obj = {"object": obj}
    if before is not None:
        changed = {name: value for name, value in before.items() if obj.get(name) != value}
        if not changed:
            return
        data["previous_attributes"] = changed
    endpoints = wanting(account, kind)
    event = {
        "id": new_id("evt"),
        "object": "event",
        "account": None,
        "api_version": API_VERSION,
        "context": None,
        "created": account.now(obj["id"] if obj["object"] == "customer" else obj.get("customer")),
        "data": data,
        "livemode": False,
        "pending_webhooks": len(endpoints),
        "request": account.request,
        "type": kind,
    }
    account.add(event)
    _keep_clock(account, event, obj)
    for name, url, secret in endpoints:
        schedule(account, event, name, url, secret)


def _keep_clock(account: Account, event: Obj, obj: Obj) -> None:
    """The test clock that its customer lives by."""
    clock = account.clock_of(obj["id"] if obj["object"] == "customer" else obj.get("customer"))
    if clock:
        account.store.run("INSERT INTO event_clocks VALUES (?, ?, ?)", account.name, event["id"], clock)


def changed(account: Account, kind: str, obj: Obj) -> Obj:
    """Save an object and tell of it when it differs from what was stored."""
    before = account.find(obj["id"])
    account.save(obj)
    emit(account, kind, obj, before)
    return obj


def added(account: Account, kind: str, obj: Obj, **private: object) -> Obj:
    account.add(obj, **private)
    emit(account, kind, obj)
    return obj


def wanting(account: Account, kind: str) -> list[tuple[str, str, str]]:
    """Name, URL and secret of each endpoint that wants this kind of event."""
    own = account.all("webhook_endpoint")
    if not own:
        config = account.config
        return [("default", config.webhook, config.webhook_secret or "")] if config.webhook else []
    return [
        (endpoint["id"], endpoint["url"], account.private(endpoint["id"])["secret"])
        for endpoint in own
        if endpoint["status"] == "enabled" and {"*", kind} & set(endpoint["enabled_events"])
    ]


def schedule(account: Account, event: Obj, endpoint: str, url: str, secret: str) -> None:
    held = account.store.rows("SELECT 1 FROM holds WHERE account = ?", account.name)
    account.store.run(
        "INSERT INTO deliveries (account, event, type, endpoint, url, secret, state, due)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *(account.name, event["id"], event["type"], endpoint, url, secret, "held" if held else "pending", time.time()),
    )


def payload(account: Account, event: str) -> bytes | None:
    found = account.find(event)
    return json.dumps(found, indent=2).encode() if found else None
