"""The customer portal: cards, invoices, cancelling. Plans are changed on our own page, which shows the limits."""

from stripe.params.billing_portal import SessionCreateParams, SessionCreateParamsFlowData

from billing.gateway.connection import client, reaches_stripe

_MARK = "freehold"  # in the metadata of the configuration that is ours
_PURPOSE = "customer portal"


@reaches_stripe
def find() -> str | None:
    """The id of our configuration of the portal; None before `create`."""
    return _ours()


@reaches_stripe
def create(*, key: str) -> str:
    """What the portal offers to our customers."""
    made = client().v1.billing_portal.configurations.create(
        {
            "features": {
                "customer_update": {"enabled": True, "allowed_updates": ["email", "name", "address", "tax_id"]},
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
                "subscription_update": {"enabled": False},
            },
            "metadata": {_MARK: _PURPOSE},
        },
        {"idempotency_key": key},
    )
    return made.id


@reaches_stripe
def open_for(*, customer: str, return_url: str) -> str:
    """Where the customer changes cards and reads invoices: a link for the next minutes."""
    sessions = client().v1.billing_portal.sessions
    if configuration := _ours():
        return sessions.create({"customer": customer, "return_url": return_url, "configuration": configuration}).url
    return sessions.create({"customer": customer, "return_url": return_url}).url


@reaches_stripe
def update_card(*, customer: str, return_url: str, then: str) -> str:
    """Where the customer gives another card, and nothing else; when it is done, it leads `then`.

    https://docs.stripe.com/customer-management/portal-deep-links
    """
    flow: SessionCreateParamsFlowData = {
        "type": "payment_method_update",
        "after_completion": {"type": "redirect", "redirect": {"return_url": then}},
    }
    wanted: SessionCreateParams = {"customer": customer, "return_url": return_url, "flow_data": flow}
    if configuration := _ours():
        wanted["configuration"] = configuration
    return client().v1.billing_portal.sessions.create(wanted).url


def _ours() -> str | None:
    found = client().v1.billing_portal.configurations.list({"active": True, "limit": 100}).data
    ours = (one.id for one in found if one.metadata and getattr(one.metadata, _MARK, None) == _PURPOSE)
    return next(ours, None)
