"""Subscription schedules and their phases."""

from typing import Any

from billing.sandbox.values import Obj, new_id, nulls, taken


def schedule(customer: Obj, phases: list[Obj], params: dict[str, Any], now: int) -> Obj:
    return {
        "id": new_id("sub_sched"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": None},
        **nulls("canceled_at completed_at"),
        "created": now,
        "current_phase": None,
        "customer": customer["id"],
        "customer_account": None,
        "default_settings": settings(params.get("default_settings") or {}),
        "end_behavior": params.get("end_behavior", "release"),
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "pause_schedules": [],
        "phases": phases,
        **nulls("released_at released_subscription"),
        "status": "not_started",
        "subscription": None,
        "test_clock": customer.get("test_clock"),
    }


def settings(given: dict[str, Any]) -> Obj:
    return {
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": "automatic",
        "billing_thresholds": None,
        "collection_method": "charge_automatically",
        **nulls("default_payment_method description"),
        "invoice_settings": {**nulls("account_tax_ids days_until_due"), "issuer": {"type": "self"}},
        **nulls("on_behalf_of transfer_data"),
        **set_by(given),
    }


def set_by(given: dict[str, Any]) -> Obj:
    """Those of the settings that a call names."""
    found = taken(given, "collection_method default_payment_method description")
    if automatic := given.get("automatic_tax"):
        liability = {"type": "self"} if automatic["enabled"] else None
        found["automatic_tax"] = {"disabled_reason": None, "enabled": automatic["enabled"], "liability": liability}
    return found


def phase(given: dict[str, Any], items: list[Obj], currency: str, start: int, end: int) -> Obj:
    return {
        "add_invoice_items": [],
        **nulls("application_fee_percent automatic_tax billing_cycle_anchor billing_thresholds collection_method"),
        "currency": currency,
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": end,
        "invoice_settings": None,
        "items": items,
        "metadata": given.get("metadata") or {},
        "on_behalf_of": None,
        "proration_behavior": given.get("proration_behavior", "create_prorations"),
        "start_date": start,
        "transfer_data": None,
        "trial_end": end if given.get("trial") else given.get("trial_end"),
        **taken(given, "billing_cycle_anchor collection_method default_payment_method description"),
    }


def item(price: str, quantity: int | None, metadata: dict[str, str]) -> Obj:
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": metadata,
        "plan": price,
        "price": price,
        **({} if quantity is None else {"quantity": quantity}),
        "tax_rates": [],
    }
