"""/v1/billing_portal: configurations and sessions"""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, NotStoodIn, need_web_address
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.shapes import checkout
from billing.sandbox.values import Obj, merged, new_id, nulls, taken

_KIND = "billing_portal.configuration"
_TAKEN = "business_profile default_return_url features metadata name"
_FLOWS = "customer_update subscription_cancel subscription_pause subscription_update subscription_update_confirm"
_USUAL = {
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True},
    "subscription_update": {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "proration_behavior": "create_prorations",
    },
}


@handles("post", "/v1/billing_portal/configurations")
def create(call: Call) -> Obj:
    params = call.takes(_TAKEN)
    _stood_in(params)
    need_web_address(params.get("default_return_url"), "default_return_url")
    first = not call.account.all(_KIND)
    made = checkout.configuration(params, call.account.now(), default=first)
    return events.added(call.account, "billing_portal.configuration.created", made)


@handles("get", "/v1/billing_portal/configurations/{configuration}")
def retrieve(call: Call) -> Obj:
    return call.account.get(_KIND, call.ids[0])


@handles("post", "/v1/billing_portal/configurations/{configuration}")
def update(call: Call) -> Obj:
    params = call.takes(f"active {_TAKEN}")
    _stood_in(params)
    need_web_address(params.get("default_return_url"), "default_return_url")
    made = call.account.get(_KIND, call.ids[0])
    made |= taken(params, "active default_return_url name") | {"updated": call.account.now()}
    made["features"] = checkout.features(params.get("features") or {}, made["features"])
    made["business_profile"] = made["business_profile"] | (params.get("business_profile") or {})
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return events.changed(call.account, "billing_portal.configuration.updated", made)


@handles("get", "/v1/billing_portal/configurations")
def index(call: Call) -> Obj:
    call.takes("active ending_before is_default limit starting_after")
    return lists.page(call, _KIND, "active", "is_default")


@handles("post", "/v1/billing_portal/sessions")
def open_session(call: Call) -> Obj:
    params = call.takes("configuration customer flow_data locale return_url")
    if "customer" not in params:
        raise ApiError("Missing required param: customer.", "parameter_missing", "customer")
    call.account.living("customer", params["customer"], "customer")
    need_web_address(params.get("return_url"), "return_url")
    configuration = _configuration(call.account, params.get("configuration"))
    flow = _flow(params["flow_data"]) if "flow_data" in params else None
    made = checkout.portal_session(
        params, configuration, flow, call.account.now(params["customer"]), call.account.config.public_url
    )
    return events.added(call.account, "billing_portal.session.created", made, form=new_id("form"))


def _configuration(account: Account, wanted: str | None) -> Obj:
    """The wanted one, the default one, or a default made now: at Stripe somebody saves it on the dashboard."""
    if wanted:
        return account.get(_KIND, wanted, "configuration")
    found = account.all(_KIND, is_default=True)
    return found[0] if found else account.add(checkout.configuration({"features": _USUAL}, account.now(), default=True))


def _stood_in(params: Obj) -> None:
    """Raises NotStoodIn for what the portal's pages would pass over."""
    update = (params.get("features") or {}).get("subscription_update") or {}
    passed_over = {
        "default_allowed_updates": "promotion_code" in (update.get("default_allowed_updates") or []),
        "schedule_at_period_end": bool((update.get("schedule_at_period_end") or {}).get("conditions")),
        "billing_cycle_anchor": update.get("billing_cycle_anchor") == "now",
    }
    for name in (name for name, given in passed_over.items() if given):
        path = f"features[subscription_update][{name}]"
        raise NotStoodIn(f"The stand-in for Stripe does not do all of {path}.", None, path)


def _flow(given: Obj) -> Obj:
    after = given.get("after_completion") or {"type": "portal_homepage"}
    kind = given["type"]
    need_web_address(
        (after.get("redirect") or {}).get("return_url"), "flow_data[after_completion][redirect][return_url]"
    )
    if kind.startswith("subscription") and kind not in given:
        raise ApiError(f"Missing required param: flow_data[{kind}].", "parameter_missing", f"flow_data[{kind}]")
    if "retention" in given.get("subscription_cancel", {}):
        name = "flow_data[subscription_cancel][retention]"
        raise NotStoodIn(f"The stand-in for Stripe does not do {name}.", None, name)
    if after["type"] == "redirect" and not (after.get("redirect") or {}).get("return_url"):
        name = "flow_data[after_completion][redirect][return_url]"
        raise ApiError(f"Missing required param: {name}.", "parameter_missing", name)
    flow = {**nulls(_FLOWS), **{name: given[name] for name in _FLOWS.split() if name in given}, "type": kind}
    return flow | {"after_completion": {**nulls("hosted_confirmation redirect"), **after}}
