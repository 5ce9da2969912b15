"""/v1/billing/meters and the sums of their events"""

from billing.sandbox import events
from billing.sandbox.errors import ApiError
from billing.sandbox.money import usage
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.shapes import meters
from billing.sandbox.values import Obj

_SECONDS = {"hour": 3600, "day": 86_400}


@handles("post", "/v1/billing/meters")
def create(call: Call) -> Obj:
    params = call.takes("customer_mapping default_aggregation display_name event_name event_time_window value_settings")
    if call.account.all("billing.meter", event_name=params["event_name"], status="active"):
        raise ApiError(
            f"An active meter already uses the event name {params['event_name']}.",
            "resource_already_exists",
            "event_name",
        )
    return events.added(call.account, "billing.meter.created", meters.meter(params, call.account.now()))


@handles("get", "/v1/billing/meters/{id}")
def retrieve(call: Call) -> Obj:
    return call.account.get("billing.meter", call.ids[0])


@handles("post", "/v1/billing/meters/{id}")
def update(call: Call) -> Obj:
    params = call.takes("display_name")
    made = call.account.get("billing.meter", call.ids[0])
    made |= {"display_name": params.get("display_name", made["display_name"]), "updated": call.account.now()}
    return events.changed(call.account, "billing.meter.updated", made)


@handles("get", "/v1/billing/meters")
def index(call: Call) -> Obj:
    call.takes("ending_before limit starting_after status")
    return lists.page(call, "billing.meter", "status")


@handles("post", "/v1/billing/meters/{id}/deactivate")
def deactivate(call: Call) -> Obj:
    """It takes no more events, and no price can be made with it; what it has counted is billed all the same."""
    now = call.account.now()
    made = call.account.get("billing.meter", call.ids[0])
    if made["status"] == "inactive":
        raise ApiError("The meter is inactive already.")
    made |= {"status": "inactive", "status_transitions": {"deactivated_at": now}, "updated": now}
    return events.changed(call.account, "billing.meter.deactivated", made)


@handles("post", "/v1/billing/meters/{id}/reactivate")
def reactivate(call: Call) -> Obj:
    made = call.account.get("billing.meter", call.ids[0])
    if made["status"] == "active":
        raise ApiError("The meter is active already.")
    made |= {"status": "active", "status_transitions": {"deactivated_at": None}, "updated": call.account.now()}
    return events.changed(call.account, "billing.meter.reactivated", made)


@handles("get", "/v1/billing/meters/{id}/event_summaries")
def summaries(call: Call) -> Obj:
    """One for the whole time, or one for each hour or day (UTC) in which something was used, the newest first."""
    params = call.takes("customer end_time ending_before limit start_time starting_after value_grouping_window")
    meter = call.account.get("billing.meter", call.ids[0])
    customer = call.account.living("customer", params["customer"], "customer")["id"]
    start, end = params["start_time"], params["end_time"]
    _check_times(start, end, params.get("value_grouping_window"))
    window = _SECONDS.get(params.get("value_grouping_window", ""), max(end - start, 1))
    grouped = "value_grouping_window" in params
    spans = [(at, min(at + window, end)) for at in range(start, end, window)]
    found = [
        meters.summary(meter, usage.aggregated(call.account, meter, customer, *span), *span)
        for span in reversed(spans if not grouped else usage.spans_with_events(call.account, meter, customer, spans))
    ]
    return lists.paged(call, found)


def _check_times(start: int, end: int, window: str | None) -> None:
    """In whole minutes, or in whole hours or days of the window: https://docs.stripe.com/api/billing/meter-event-summary/list"""
    step = _SECONDS.get(window or "", 60)
    for name, value in (("start_time", start), ("end_time", end)):
        if value % step:
            raise ApiError(f"The `{name}` must be aligned with {window or 'minute'} boundaries.", param=name)
    if end <= start:
        raise ApiError("The `end_time` must be after the `start_time`.", param="end_time")
