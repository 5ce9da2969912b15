"""/v1/test_helpers/test_clocks: time that a test moves. An advance is done when it is answered."""

from billing.sandbox import events, ticker
from billing.sandbox.errors import ApiError
from billing.sandbox.money import leaving
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj, new_id

_KEPT = 30 * 86_400
_FARTHEST = 2 * 366 * 86_400
_END_OF_TIME = 4_102_444_800  # the year 2100


@handles("post", "/v1/test_helpers/test_clocks")
def create(call: Call) -> Obj:
    params = call.takes("frozen_time name")
    now = call.account.now()
    if not 0 < params["frozen_time"] < _END_OF_TIME:
        raise ApiError("The stand-in's clocks go from 1970 to 2100.", "parameter_invalid_integer", "frozen_time")
    made = {
        "id": new_id("clock"),
        "object": "test_helpers.test_clock",
        "created": now,
        "deletes_after": now + _KEPT,
        "frozen_time": params["frozen_time"],
        "livemode": False,
        "name": params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    return events.added(call.account, "test_helpers.test_clock.created", made)


@handles("get", "/v1/test_helpers/test_clocks/{test_clock}")
def retrieve(call: Call) -> Obj:
    return call.account.get("test_helpers.test_clock", call.ids[0])


@handles("get", "/v1/test_helpers/test_clocks")
def index(call: Call) -> Obj:
    call.takes("ending_before limit starting_after")
    return lists.page(call, "test_helpers.test_clock")


@handles("post", "/v1/test_helpers/test_clocks/{test_clock}/advance")
def advance(call: Call) -> Obj:
    target = call.takes("frozen_time")["frozen_time"]
    clock = call.account.living("test_helpers.test_clock", call.ids[0])
    if target <= clock["frozen_time"]:
        raise ApiError("The time to advance to must be after the clock's current time.", param="frozen_time")
    if target > clock["frozen_time"] + _FARTHEST:
        raise ApiError("A test clock can be advanced by two years at most.", param="frozen_time")
    events.emit(call.account, "test_helpers.test_clock.advancing", clock | {"status": "advancing"})
    clock = ticker.advance(call.account, clock, target)
    events.emit(call.account, "test_helpers.test_clock.ready", clock)
    return clock


@handles("delete", "/v1/test_helpers/test_clocks/{test_clock}")
def delete(call: Call) -> Obj:
    """Its customers go with it."""
    clock = call.account.living("test_helpers.test_clock", call.ids[0])
    for customer in call.account.all("customer", test_clock=clock["id"]):
        leaving.delete(call.account, customer)
    events.emit(call.account, "test_helpers.test_clock.deleted", clock)
    return call.account.delete(clock)
