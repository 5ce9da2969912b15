"""/v1/customers/{customer}/balance_transactions"""

from billing.sandbox.errors import no_such
from billing.sandbox.money import balances
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj, merged, taken

_KIND = "customer_balance_transaction"


@handles("post", "/v1/customers/{customer}/balance_transactions")
def create(call: Call) -> Obj:
    params = call.takes("amount currency description metadata")
    customer = call.account.living("customer", call.ids[0])
    more = {**taken(params, "description"), "metadata": merged({}, params.get("metadata"))}
    return balances.adjust(call.account, customer, params["amount"], params["currency"].lower(), **more)


@handles("get", "/v1/customers/{customer}/balance_transactions/{transaction}")
def retrieve(call: Call) -> Obj:
    return _found(call)


@handles("post", "/v1/customers/{customer}/balance_transactions/{transaction}")
def update(call: Call) -> Obj:
    params = call.takes("description metadata")
    made = _found(call) | taken(params, "description")
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return call.account.save(made)


@handles("get", "/v1/customers/{customer}/balance_transactions")
def index(call: Call) -> Obj:
    params = call.takes("created ending_before invoice limit starting_after")
    customer = call.account.get("customer", call.ids[0])
    equal = {"invoice": params["invoice"]} if "invoice" in params else {}
    return lists.paged(call, call.account.all(_KIND, customer=customer["id"], **equal))


def _found(call: Call) -> Obj:
    made = call.account.get(_KIND, call.ids[1])
    if made["customer"] != call.ids[0]:
        raise no_such(_KIND, made["id"])
    return made
