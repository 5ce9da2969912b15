"""Checkout sessions and their lines; the billing portal's sessions and configurations."""

from typing import Any

from billing.sandbox.values import Obj, new_id, nulls, taken


def session(params: dict[str, Any], lines: list[Obj], total: int | None, now: int) -> Obj:
    """`total` and the amounts are None where nothing is bought: in the mode setup."""
    subtotal = sum(line["amount_subtotal"] for line in lines) if lines else None
    automatic = bool((params.get("automatic_tax") or {}).get("enabled"))
    made = new_id("cs_test", 58)
    return {
        "id": made,
        "object": "checkout.session",
        **nulls("adaptive_pricing after_expiration allow_promotion_codes"),
        "amount_subtotal": subtotal,
        "amount_total": total,
        "automatic_tax": {
            "enabled": automatic,
            "liability": {"type": "self"} if automatic else None,
            "provider": "stripe" if automatic else None,
            "status": "requires_location_inputs" if automatic else None,
        },
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        **nulls("client_secret collected_information consent consent_collection currency_conversion"),
        "created": now,
        "currency": lines[0]["currency"] if lines else params.get("currency"),
        "custom_fields": [],
        "custom_text": nulls("after_submit shipping_address submit terms_of_service_acceptance")
        | (params.get("custom_text") or {}),
        "customer": params.get("customer"),
        "customer_account": None,
        "customer_creation": None if params.get("customer") or not lines else "always",
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "discounts": [{**nulls("coupon promotion_code"), **each} for each in params.get("discounts") or []],
        "expires_at": params.get("expires_at", now + 86_400),
        **nulls("invoice invoice_creation"),
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": params.get("metadata") or {},
        "mode": params.get("mode", "subscription"),
        **nulls("origin_context payment_intent payment_link payment_method_configuration_details"),
        "payment_method_collection": params.get("payment_method_collection", "always"),
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid" if lines else "no_payment_required",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        **nulls("saved_payment_method_options setup_intent shipping_address_collection shipping_cost submit_type"),
        "shipping_options": [],
        "status": "open",
        "subscription": None,
        "success_url": params.get("success_url"),
        "tax_id_collection": {"enabled": False, "required": "never"} | (params.get("tax_id_collection") or {}),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0} if lines else None,
        "ui_mode": "hosted_page",
        "url": None,
        "wallet_options": None,
        **taken(params, "allow_promotion_codes"),
    }


def line(price: Obj, quantity: int | None, description: str) -> Obj:
    """`quantity` is None where usage says how much."""
    amount = (price["unit_amount"] or 0) * (quantity or 0)
    return {
        "id": new_id("li", 14),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": description,
        "price": price,
        "quantity": quantity,
    }


def configuration(params: dict[str, Any], now: int, *, default: bool) -> Obj:
    profile = params.get("business_profile") or {}
    return {
        "id": new_id("bpc"),
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {
            **nulls("headline privacy_policy_url terms_of_service_url"),
            **taken(profile, "headline privacy_policy_url terms_of_service_url"),
        },
        "created": now,
        "default_return_url": params.get("default_return_url") or None,
        "features": features(params.get("features") or {}),
        "is_default": default,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": params.get("metadata") or {},
        "name": params.get("name") or None,
        "updated": now,
    }


def features(given: dict[str, Any], before: Obj | None = None) -> Obj:
    """The features with what was left out as it was before, or off."""
    old = before or _OFF
    update = {**old["subscription_update"], **(given.get("subscription_update") or {})}
    update["products"] = [_product(entry) for entry in update["products"] or []]
    update["schedule_at_period_end"] = {
        "conditions": (update.get("schedule_at_period_end") or {}).get("conditions", [])
    }
    return {
        "customer_update": {**old["customer_update"], **(given.get("customer_update") or {})},
        "invoice_history": {**old["invoice_history"], **(given.get("invoice_history") or {})},
        "payment_method_update": {**old["payment_method_update"], **(given.get("payment_method_update") or {})},
        "subscription_cancel": {**old["subscription_cancel"], **(given.get("subscription_cancel") or {})},
        "subscription_pause": old["subscription_pause"],
        "subscription_update": update,
    }


def portal_session(params: dict[str, Any], configuration: Obj, flow: Obj | None, now: int, public_url: str) -> Obj:
    made = new_id("bps")
    return {
        "id": made,
        "object": "billing_portal.session",
        "configuration": configuration["id"],
        "created": now,
        "customer": params["customer"],
        "customer_account": None,
        "flow": flow,
        "livemode": False,
        "locale": params.get("locale"),
        "on_behalf_of": None,
        "return_url": params.get("return_url") or configuration["default_return_url"],
        "url": f"{public_url}/portal/{made}",
    }


def _product(entry: Obj) -> Obj:
    adjustable = {"enabled": False, "maximum": None, "minimum": 1} | (entry.get("adjustable_quantity") or {})
    return {"adjustable_quantity": adjustable, "prices": entry["prices"], "product": entry["product"]}


_OFF: Obj = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": [],
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
