"""/v1/events"""

from billing.sandbox.account import Account
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj


@handles("get", "/v1/events/{id}")
def retrieve(call: Call) -> Obj:
    return _pending(call.account, call.account.get("event", call.ids[0]))


@handles("get", "/v1/events")
def index(call: Call) -> Obj:
    params = call.takes("created delivery_success ending_before limit starting_after type types")
    if {"type", "types"} & set(params):
        found = call.account.all("event", **({"type": params["type"]} if "type" in params else {}))
        wanted = params.get("types")
        page = lists.paged(call, [event for event in found if wanted is None or event["type"] in wanted])
    else:
        page = lists.unfiltered(call, "event")
    return page | {"data": [_pending(call.account, event) for event in page["data"]]}


def _pending(account: Account, event: Obj) -> Obj:
    """How many endpoints have not acknowledged it yet."""
    sql = (
        "SELECT count(*) AS n FROM deliveries WHERE account = ? AND event = ? AND state NOT IN ('delivered', 'dropped')"
    )
    return event | {"pending_webhooks": account.store.rows(sql, account.name, event["id"])[0]["n"]}
