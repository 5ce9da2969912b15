"""/v1/subscription_items"""

from billing.sandbox.errors import no_such
from billing.sandbox.money import changing
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj

_SHARED = (
    "discounts metadata payment_behavior price price_data proration_behavior proration_date quantity off_session "
    "tax_rates"
)
_OF_ITEM = {"clear_usage", "discounts", "metadata", "price", "price_data", "quantity", "tax_rates"}


@handles("post", "/v1/subscription_items")
def create(call: Call) -> Obj:
    params = call.takes(f"subscription {_SHARED}")
    found = call.account.get("subscription", params["subscription"], "subscription")
    before = {item["id"] for item in found["items"]["data"]}
    made = _change(call, found, {})
    return next(item for item in made["items"]["data"] if item["id"] not in before)


@handles("get", "/v1/subscription_items/{item}")
def retrieve(call: Call) -> Obj:
    return _find(call)[1]


@handles("post", "/v1/subscription_items/{item}")
def update(call: Call) -> Obj:
    call.takes(_SHARED)
    found, item = _find(call)
    made = _change(call, found, {"id": item["id"]})
    return next(each for each in made["items"]["data"] if each["id"] == item["id"])


@handles("delete", "/v1/subscription_items/{item}")
def delete(call: Call) -> Obj:
    call.takes("proration_behavior proration_date clear_usage payment_behavior")
    found, item = _find(call)
    _change(call, found, {"id": item["id"], "deleted": True})
    return {"id": item["id"], "object": "subscription_item", "deleted": True}


@handles("get", "/v1/subscription_items")
def index(call: Call) -> Obj:
    params = call.takes("subscription limit starting_after ending_before")
    return lists.paged(call, call.account.get("subscription", params["subscription"], "subscription")["items"]["data"])


def _find(call: Call) -> tuple[Obj, Obj]:
    for subscription in call.account.all("subscription"):
        for item in subscription["items"]["data"]:
            if item["id"] == call.ids[0]:
                return subscription, item
    raise no_such("subscription_item", call.ids[0])


def _change(call: Call, found: Obj, which: Obj) -> Obj:
    item = which | {name: value for name, value in call.params.items() if name in _OF_ITEM}
    rest = {name: value for name, value in call.params.items() if name not in _OF_ITEM and name != "subscription"}
    with call.account.transaction():
        return changing.update(call.account, found, rest | {"items": [item]})
