"""/v1/billing/meter_events and their adjustments"""

import re

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.shapes import meters
from billing.sandbox.values import Obj, new_id

_DAY = 86_400
_OLDEST, _NEWEST = 35 * _DAY, 300  # https://docs.stripe.com/api/billing/meter-event/create
_UNIQUE_FOR = _DAY
_LONGEST = 100
_VALUE = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?")


@handles("post", "/v1/billing/meter_events")
def create(call: Call) -> Obj:
    """Raises ApiError for what Stripe refuses; a repeated identifier is refused, not passed over in silence."""
    params = call.takes("event_name identifier payload timestamp")
    account = call.account
    meter = _meter(account, params["event_name"])
    customer = _customer(account, meter, params["payload"])
    now = account.now(customer)
    timestamp = params.get("timestamp", now)
    if not now - _OLDEST <= timestamp <= now + _NEWEST:
        raise ApiError(
            "The timestamp must be within the past 35 calendar days or up to 5 minutes in the future.",
            _too(timestamp, now),
            "timestamp",
        )
    identifier = params.get("identifier") or new_id("evt")
    value = _value(meter, params["payload"])
    _once(account, identifier, now)
    account.store.run(
        "INSERT INTO meter_events (account, event_name, identifier, customer, value, timestamp, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(account.name, meter["event_name"], identifier, customer, value, timestamp, now),
    )
    return meters.event(params, identifier, timestamp, now)


@handles("post", "/v1/billing/meter_event_adjustments")
def adjust(call: Call) -> Obj:
    """Take an event back, within a day of its being reported."""
    params = call.takes("cancel event_name type")
    account = call.account
    wanted = (params.get("cancel") or {}).get("identifier")
    if not wanted:
        raise ApiError("Missing required param: cancel[identifier].", "parameter_missing", "cancel[identifier]")
    rows = account.store.rows(
        "SELECT rowid, customer, created FROM meter_events WHERE account = ? AND identifier = ? AND event_name = ?"
        " ORDER BY created DESC LIMIT 1",
        *(account.name, wanted, _meter(account, params["event_name"])["event_name"]),
    )
    if not rows:
        raise ApiError(f"No meter event found with identifier {wanted}.", "resource_missing", "cancel[identifier]")
    if rows[0]["created"] <= account.now(rows[0]["customer"]) - _DAY:
        raise ApiError("A meter event can be canceled within 24 hours only.", param="cancel[identifier]")
    account.store.run("DELETE FROM meter_events WHERE rowid = ?", rows[0]["rowid"])
    return meters.adjustment(params)


def _meter(account: Account, event_name: str) -> Obj:
    found = account.all("billing.meter", event_name=event_name, status="active")
    if not found:
        raise ApiError(f"No active meter found for event name {event_name}.", "no_meter", "event_name")
    return found[0]


def _customer(account: Account, meter: Obj, payload: Obj) -> str:
    key = meter["customer_mapping"]["event_payload_key"]
    if not payload.get(key):
        raise ApiError(f"Missing payload key {key}.", "meter_event_no_customer_defined", f"payload[{key}]")
    found = account.find(payload[key])
    if found is None or found["object"] != "customer" or found.get("deleted"):
        raise ApiError(f"No such customer: '{payload[key]}'", "meter_event_customer_not_found", f"payload[{key}]")
    return str(found["id"])


def _value(meter: Obj, payload: Obj) -> str:
    """As it was given; a meter that counts events needs none."""
    if meter["default_aggregation"]["formula"] == "count":
        return "1"
    key = meter["value_settings"]["event_payload_key"]
    if key not in payload:
        raise ApiError(f"Missing payload key {key}.", "meter_event_value_not_found", f"payload[{key}]")
    if not _VALUE.fullmatch(str(payload[key])):
        raise ApiError(f"Invalid value: {payload[key]}", "meter_event_invalid_value", f"payload[{key}]")
    return str(payload[key])


def _once(account: Account, identifier: str, now: int) -> None:
    """In Stripe's words, as https://github.com/langfuse/langfuse/pull/16292 quotes them."""
    if len(identifier) > _LONGEST:
        raise ApiError(f"Invalid string: it must be at most {_LONGEST} characters", param="identifier")
    rows = account.store.rows(
        "SELECT 1 FROM meter_events WHERE account = ? AND identifier = ? AND created > ? LIMIT 1",
        *(account.name, identifier, now - _UNIQUE_FOR),
    )
    if rows:
        raise ApiError(f"An event already exists with identifier {identifier}.", param="identifier")


def _too(timestamp: int, now: int) -> str:
    return "timestamp_in_future" if timestamp > now else "timestamp_too_far_in_past"
