"""Subscriptions and their items."""

from typing import Any

from billing.sandbox.shapes import prices
from billing.sandbox.values import Obj, list_of, new_id, nulls


def item(
    subscription: str, price: Obj, quantity: int | None, period: tuple[int, int], metadata: dict[str, str], now: int
) -> Obj:
    """One without a quantity is billed by its usage."""
    return {
        "id": new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": now,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": metadata,
        "plan": prices.plan(price),
        "price": price,
        **({} if quantity is None else {"quantity": quantity}),
        "subscription": subscription,
        "tax_rates": [],
    }


def subscription(made: str, customer: Obj, items: list[Obj], params: dict[str, Any], currency: str, now: int) -> Obj:
    return {
        "id": made,
        "object": "subscription",
        **nulls("application application_fee_percent"),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": now},
        "billing_schedules": [],
        "billing_thresholds": None,
        **nulls("cancel_at canceled_at"),
        "cancel_at_period_end": params.get("cancel_at_period_end", False),
        "cancellation_details": nulls("comment feedback reason"),
        "collection_method": params.get("collection_method", "charge_automatically"),
        "created": now,
        "currency": currency,
        "customer": customer["id"],
        "customer_account": None,
        "days_until_due": params.get("days_until_due"),
        "default_payment_method": params.get("default_payment_method") or None,
        "default_source": None,
        "default_tax_rates": [],
        "description": params.get("description") or None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": list_of(items, f"/v1/subscription_items?subscription={made}"),
        "latest_invoice": None,
        "livemode": False,
        "metadata": params.get("metadata") or {},
        **nulls("next_pending_invoice_item_invoice on_behalf_of pause_collection pending_invoice_item_interval"),
        "payment_settings": {
            **nulls("payment_method_options payment_method_types"),
            "save_default_payment_method": (params.get("payment_settings") or {}).get(
                "save_default_payment_method", "off"
            ),
        },
        **nulls("pending_setup_intent pending_update schedule"),
        "start_date": now,
        "status": "incomplete",
        "test_clock": customer.get("test_clock"),
        "transfer_data": None,
        **nulls("trial_end trial_start"),
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    }
