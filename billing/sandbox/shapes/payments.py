"""Payment intents, setup intents, charges, refunds."""

from billing.sandbox.cards import Decline
from billing.sandbox.values import Obj, new_id, nulls

_OPTIONS = {"card": {**nulls("installments mandate_options network"), "request_three_d_secure": "automatic"}}


def payment_intent(amount: int, currency: str, customer: str | None, now: int, description: str | None = None) -> Obj:
    made = new_id("pi")
    return {
        "id": made,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        **nulls("application application_fee_amount automatic_payment_methods canceled_at cancellation_reason"),
        "capture_method": "automatic",
        "client_secret": f"{made}_secret_{new_id('', 25)[1:]}",
        "confirmation_method": "automatic",
        "created": now,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": description,
        **nulls("excluded_payment_method_types last_payment_error latest_charge"),
        "livemode": False,
        "metadata": {},
        **nulls("next_action on_behalf_of payment_method payment_method_configuration_details"),
        "payment_method_options": _OPTIONS,
        "payment_method_types": ["card"],
        **nulls("processing receipt_email review setup_future_usage shipping source statement_descriptor"),
        **nulls("statement_descriptor_suffix transfer_data transfer_group"),
        "status": "requires_payment_method",
    }


def setup_intent(customer: str | None, payment_method: str | None, now: int) -> Obj:
    made = new_id("seti")
    return {
        "id": made,
        "object": "setup_intent",
        **nulls("application automatic_payment_methods cancellation_reason"),
        "client_secret": f"{made}_secret_{new_id('', 25)[1:]}",
        "created": now,
        "customer": customer,
        "customer_account": None,
        **nulls("description excluded_payment_method_types flow_directions last_setup_error latest_attempt"),
        "livemode": False,
        "mandate": None,
        "metadata": {},
        **nulls("next_action on_behalf_of payment_method_configuration_details single_use_mandate"),
        "payment_method": payment_method,
        "payment_method_options": {"card": {**nulls("mandate_options network"), "request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "status": "requires_confirmation" if payment_method else "requires_payment_method",
        "usage": "off_session",
    }


def charge(intent: Obj, method: Obj, decline: Decline | None, now: int, receipt_url: str) -> Obj:
    paid = decline is None
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0,
        "amount_refunded": 0,
        **nulls("application application_fee application_fee_amount balance_transaction"),
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "STAND-IN",
        "captured": paid,
        "created": now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if decline is None else decline.code,
        "failure_message": None if decline is None else decline.message,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"type": "card", "card": _card_details(method["card"], intent["amount"])},
        "radar_options": {},
        **nulls("receipt_email receipt_number review shipping source_transfer statement_descriptor"),
        "receipt_url": receipt_url if paid else None,
        "refunded": False,
        "source": None,
        **nulls("statement_descriptor_suffix transfer_data transfer_group"),
        "status": "succeeded" if paid else "failed",
    }


def refund(charge: Obj, amount: int, reason: str | None, metadata: dict[str, str], now: int) -> Obj:
    details = {
        "reference": new_id("", 12)[1:],
        "reference_status": "available",
        "reference_type": "acquirer_reference_number",
    }
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": {"type": "card", "card": {"type": "refund", **details}},
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        **nulls("receipt_number source_transfer_reversal transfer_reversal"),
        "status": "succeeded",
    }


def _outcome(decline: Decline | None) -> Obj:
    return {
        "advice_code": None if decline is None else "try_again_later",
        **nulls("network_advice_code"),
        "network_decline_code": None if decline is None else "01",
        "network_status": "approved_by_network" if decline is None else "declined_by_network",
        "reason": None if decline is None else decline.decline_code or decline.code,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "Payment complete." if decline is None else "The bank did not return any further details.",
        "type": "authorized" if decline is None else "issuer_declined",
    }


def _card_details(card: Obj, amount: int) -> Obj:
    same = {
        name: card[name] for name in ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    }
    return same | {
        "amount_authorized": amount,
        "authorization_code": "123456",
        "checks": card["checks"],
        **nulls("installments mandate network_token network_transaction_id three_d_secure wallet"),
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "multicapture": {"status": "unavailable"},
        "overcapture": {"status": "unavailable", "maximum_amount_capturable": amount},
        "network": card["brand"],
        "regulated_status": "unregulated",
    }
