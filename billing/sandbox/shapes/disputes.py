"""Disputes, and what they move on the account's own balance."""

from billing.sandbox.values import Obj, new_id, nulls

_FEE = 1500  # for each dispute: https://stripe.com/pricing
_WEEK = 7 * 86_400
_EVIDENCE = (
    "access_activity_log appeal billing_address cancellation_policy cancellation_policy_disclosure "
    "cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip "
    "customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id "
    "product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation service_date "
    "service_documentation shipping_address shipping_carrier shipping_date shipping_documentation "
    "shipping_tracking_number uncategorized_file uncategorized_text"
)


def dispute(charge: Obj, now: int) -> Obj:
    made = new_id("du")
    return {
        "id": made,
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [moved(made, charge["currency"], -charge["amount"], _FEE, now)],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**nulls(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + _WEEK,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {"brand": "visa", "case_type": "chargeback", "network": "visa", "network_reason_code": "10.4"},
            "type": "card",
        },
        "reason": "fraudulent",
        "status": "needs_response",
    }


def moved(dispute: str, currency: str, amount: int, fee: int, now: int) -> Obj:
    details = [
        {"amount": fee, "application": None, "currency": currency, "description": "Dispute fee", "type": "stripe_fee"}
    ]
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now,
        "balance_type": "payments",
        "created": now,
        "currency": currency,
        "description": "Chargeback withdrawal" if amount < 0 else "Chargeback reversal",
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details if fee else [],
        "net": amount - fee,
        "reporting_category": "dispute" if amount < 0 else "dispute_reversal",
        "source": dispute,
        "status": "available",
        "type": "adjustment",
    }
