"""/v1/webhook_endpoints"""

from typing import Any
from urllib.parse import urlsplit

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj, merged, new_id, taken


@handles("post", "/v1/webhook_endpoints")
def create(call: Call) -> Obj:
    """The only answer that shows the signing secret."""
    params = call.takes("api_version description enabled_events metadata url")
    made, secret = register(call.account, params)
    return made | {"secret": secret}


def register(account: Account, params: dict[str, Any], secret: str | None = None) -> tuple[Obj, str]:
    _check_url(params["url"])
    secret = secret or new_id("whsec", 32)
    made = {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": account.now(),
        "description": params.get("description"),
        "enabled_events": params["enabled_events"],
        "livemode": False,
        "metadata": merged({}, params.get("metadata")),
        "status": "enabled",
        "url": params["url"],
    }
    return account.add(made, secret=secret), secret


@handles("get", "/v1/webhook_endpoints/{webhook_endpoint}")
def retrieve(call: Call) -> Obj:
    return call.account.living("webhook_endpoint", call.ids[0])


@handles("post", "/v1/webhook_endpoints/{webhook_endpoint}")
def update(call: Call) -> Obj:
    params = call.takes("description disabled enabled_events metadata url")
    made = call.account.living("webhook_endpoint", call.ids[0])
    made |= taken(params, "description enabled_events url")
    if "disabled" in params:
        made["status"] = "disabled" if params["disabled"] else "enabled"
    if "url" in params:
        _move(call.account, made)
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return call.account.save(made)


def _move(account: Account, made: Obj) -> None:
    """What still waits for it goes to the new address."""
    _check_url(made["url"])
    account.store.run(
        "UPDATE deliveries SET url = ? WHERE account = ? AND endpoint = ? AND state IN ('pending', 'held')",
        *(made["url"], account.name, made["id"]),
    )


def _check_url(url: str) -> None:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ApiError("Invalid URL: it must start with http:// or https://.", "url_invalid", "url")


@handles("get", "/v1/webhook_endpoints")
def index(call: Call) -> Obj:
    call.takes("ending_before limit starting_after")
    return lists.page(call, "webhook_endpoint")


@handles("delete", "/v1/webhook_endpoints/{webhook_endpoint}")
def delete(call: Call) -> Obj:
    """What it has not received yet it won't receive."""
    made = call.account.living("webhook_endpoint", call.ids[0])
    call.account.store.run(
        "UPDATE deliveries SET state = 'dropped' WHERE account = ? AND endpoint = ? AND state != 'delivered'",
        *(call.account.name, made["id"]),
    )
    return call.account.delete(made)
