"""/v1/subscription_schedules"""

from billing.sandbox.errors import ApiError
from billing.sandbox.money import collecting, scheduling, timetables
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj

_WHOLE = "default_settings end_behavior metadata phases"


@handles("post", "/v1/subscription_schedules")
def create(call: Call) -> Obj:
    params = call.takes(f"customer from_subscription start_date {_WHOLE}")
    if "from_subscription" not in params:
        if "customer" not in params:
            raise ApiError("Missing required param: customer.", "parameter_missing", "customer")
        return scheduling.create(call.account, params)
    for name in params:
        if name not in {"from_subscription", "expand"}:
            raise ApiError(f"You cannot set `{name}` if `from_subscription` is set.", param=name)
    found = call.account.get("subscription", params["from_subscription"], "from_subscription")
    return scheduling.from_subscription(call.account, found)


@handles("get", "/v1/subscription_schedules/{schedule}")
def retrieve(call: Call) -> Obj:
    return call.account.get("subscription_schedule", call.ids[0])


@handles("post", "/v1/subscription_schedules/{schedule}")
def update(call: Call) -> Obj:
    params = call.takes(f"proration_behavior {_WHOLE}")
    return scheduling.update(call.account, call.account.get("subscription_schedule", call.ids[0]), params)


@handles("post", "/v1/subscription_schedules/{schedule}/release")
def release(call: Call) -> Obj:
    call.takes("preserve_cancel_date")
    schedule = call.account.get("subscription_schedule", call.ids[0])
    scheduling.need_open(schedule, "released")
    wanted = schedule["subscription"]
    released = timetables.release(call.account, schedule, call.account.now(schedule["customer"]))
    if wanted:
        collecting.schedule(call.account, call.account.get("subscription", wanted))
    return released


@handles("post", "/v1/subscription_schedules/{schedule}/cancel")
def cancel(call: Call) -> Obj:
    params = call.takes("invoice_now prorate")
    return scheduling.cancel(call.account, call.account.get("subscription_schedule", call.ids[0]), params)


@handles("get", "/v1/subscription_schedules")
def index(call: Call) -> Obj:
    params = call.takes("created customer ending_before limit scheduled starting_after")
    equal = {"customer": params["customer"]} if "customer" in params else {}
    found = call.account.all("subscription_schedule", **equal)
    if params.get("scheduled"):
        found = [schedule for schedule in found if schedule["status"] == "not_started"]
    return lists.paged(call, found)
