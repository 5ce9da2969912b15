"""Billing meters, and the events and sums of theirs."""

from typing import Any

from billing.sandbox.values import Obj, new_id


def meter(params: dict[str, Any], now: int) -> Obj:
    mapping = {"event_payload_key": "stripe_customer_id", "type": "by_id"}
    return {
        "id": new_id("mtr"),
        "object": "billing.meter",
        "created": now,
        "customer_mapping": mapping | (params.get("customer_mapping") or {}),
        "default_aggregation": params["default_aggregation"],
        "display_name": params["display_name"],
        "event_name": params["event_name"],
        "event_time_window": params.get("event_time_window"),
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": now,
        "value_settings": {"event_payload_key": "value"} | (params.get("value_settings") or {}),
    }


def event(params: dict[str, Any], identifier: str, timestamp: int, now: int) -> Obj:
    return {
        "object": "billing.meter_event",
        "created": now,
        "event_name": params["event_name"],
        "identifier": identifier,
        "livemode": False,
        "payload": params["payload"],
        "timestamp": timestamp,
    }


def summary(meter: Obj, value: float, start: int, end: int) -> Obj:
    return {
        "id": new_id("mtrusg", 14),
        "object": "billing.meter_event_summary",
        "aggregated_value": value,
        "end_time": end,
        "livemode": False,
        "meter": meter["id"],
        "start_time": start,
    }


def adjustment(params: dict[str, Any]) -> Obj:
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": params["cancel"]["identifier"]},
        "event_name": params["event_name"],
        "livemode": False,
        "status": "complete",
        "type": "cancel",
    }
