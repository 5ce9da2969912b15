"""/v1/tax_rates"""

from billing.sandbox import events
from billing.sandbox.errors import ApiError
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.shapes import taxes
from billing.sandbox.values import Obj, merged, taken

_FIELDS = "active country description display_name jurisdiction state tax_type"


@handles("post", "/v1/tax_rates")
def create(call: Call) -> Obj:
    params = call.takes(f"inclusive percentage metadata {_FIELDS}")
    if not 0 <= params["percentage"] <= 100:
        raise ApiError("Invalid percentage: it must be between 0 and 100.", param="percentage")
    return events.added(call.account, "tax_rate.created", taxes.tax_rate(params, call.account.now()))


@handles("get", "/v1/tax_rates/{tax_rate}")
def retrieve(call: Call) -> Obj:
    return call.account.get("tax_rate", call.ids[0])


@handles("post", "/v1/tax_rates/{tax_rate}")
def update(call: Call) -> Obj:
    """Its percentage never changes: another rate takes its place."""
    params = call.takes(f"metadata {_FIELDS}")
    made = call.account.get("tax_rate", call.ids[0])
    made |= taken(params, _FIELDS)
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return events.changed(call.account, "tax_rate.updated", made)


@handles("get", "/v1/tax_rates")
def index(call: Call) -> Obj:
    call.takes("active created ending_before inclusive limit starting_after")
    return lists.page(call, "tax_rate", "active", "inclusive")
