"""/v1/customers/{customer}/tax_ids"""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import no_such
from billing.sandbox.money import taxids
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.expand import includes
from billing.sandbox.values import Obj, list_of


@handles("post", "/v1/customers/{customer}/tax_ids")
def create(call: Call) -> Obj:
    params = call.takes("type value")
    customer = call.account.living("customer", call.ids[0])
    return taxids.add(call.account, customer, params["type"], params["value"])


@handles("get", "/v1/customers/{customer}/tax_ids/{id}")
def retrieve(call: Call) -> Obj:
    return _found(call)


@handles("get", "/v1/customers/{customer}/tax_ids")
def index(call: Call) -> Obj:
    call.takes("ending_before limit starting_after")
    customer = call.account.living("customer", call.ids[0])
    return lists.paged(call, call.account.all("tax_id", customer=customer["id"]))


@handles("delete", "/v1/customers/{customer}/tax_ids/{id}")
def delete(call: Call) -> Obj:
    made = _found(call)
    events.emit(call.account, "customer.tax_id.deleted", made)
    return call.account.delete(made)


@includes("customer", "tax_ids")
def its_tax_ids(account: Account, customer: Obj) -> Obj:
    return list_of(account.all("tax_id", customer=customer["id"]), f"/v1/customers/{customer['id']}/tax_ids")


def _found(call: Call) -> Obj:
    customer = call.account.living("customer", call.ids[0])
    made = call.account.living("tax_id", call.ids[1])
    if made["customer"] != customer["id"]:
        raise no_such("tax_id", made["id"])
    return made
