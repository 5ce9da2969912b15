"""/v1/disputes"""

from billing.sandbox.money import disputing
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj


@handles("get", "/v1/disputes/{dispute}")
def retrieve(call: Call) -> Obj:
    return call.account.get("dispute", call.ids[0])


@handles("post", "/v1/disputes/{dispute}")
def update(call: Call) -> Obj:
    params = call.takes("evidence metadata submit")
    return disputing.answer(call.account, call.account.get("dispute", call.ids[0]), params)


@handles("post", "/v1/disputes/{dispute}/close")
def close(call: Call) -> Obj:
    return disputing.close(call.account, call.account.get("dispute", call.ids[0]))


@handles("get", "/v1/disputes")
def index(call: Call) -> Obj:
    call.takes("charge created ending_before limit payment_intent starting_after")
    return lists.page(call, "dispute", "charge", "payment_intent")
