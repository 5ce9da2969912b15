"""The account itself."""

from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj, nulls


@handles("get", "/v1/account")
def current(call: Call) -> Obj:
    return {
        "id": f"acct_{call.account.name[:16]}",
        "object": "account",
        **nulls("business_profile business_type email"),
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": "US",
        "created": 1_700_000_000,
        "default_currency": "usd",
        "details_submitted": True,
        "metadata": {},
        "payouts_enabled": True,
        "type": "standard",
    }
