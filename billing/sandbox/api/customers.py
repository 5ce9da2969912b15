"""/v1/customers"""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import balances, leaving, methods, taxids
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.expand import includes
from billing.sandbox.protocol.search import searched
from billing.sandbox.shapes import people
from billing.sandbox.values import Obj, list_of, merged, taken

_FIELDS = f"metadata balance invoice_settings {people.CUSTOMER_FIELDS}"
_DONE = {"canceled", "incomplete_expired"}


@handles("post", "/v1/customers")
def create(call: Call) -> Obj:
    params = call.takes(f"payment_method tax_id_data test_clock {_FIELDS}")
    if "test_clock" in params:
        call.account.living("test_helpers.test_clock", params["test_clock"], "test_clock")
    made = people.customer(params, call.account.now())
    call.account.add(made)
    made["created"] = call.account.now(made["id"])
    if "payment_method" in params:
        methods.attach(call.account, methods.found(call.account, params["payment_method"]), made)
    _settings(call, made)
    call.account.save(made)
    events.emit(call.account, "customer.created", made)
    for given in params.get("tax_id_data") or []:
        taxids.add(call.account, made, given["type"], given.get("value", ""))
    return made


@handles("get", "/v1/customers/{customer}")
def retrieve(call: Call) -> Obj:
    return call.account.get("customer", call.ids[0])


@handles("post", "/v1/customers/{customer}")
def update(call: Call) -> Obj:
    params = call.takes(_FIELDS)
    made = call.account.living("customer", call.ids[0])
    made |= taken(params, people.CUSTOMER_FIELDS)
    made |= people.addressed(made)
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    _settings(call, made)
    if "balance" in params and params["balance"] != made["balance"]:
        balances.move(call.account, made, params["balance"] - made["balance"], "adjustment")
        return made
    return events.changed(call.account, "customer.updated", made)


@handles("get", "/v1/customers")
def index(call: Call) -> Obj:
    call.takes("created email ending_before limit starting_after test_clock")
    return lists.page(call, "customer", "email", "test_clock")


@handles("get", "/v1/customers/search")
def search(call: Call) -> Obj:
    return searched(call, "customer")


@handles("delete", "/v1/customers/{customer}")
def delete(call: Call) -> Obj:
    """Its subscriptions end at once."""
    return leaving.delete(call.account, call.account.living("customer", call.ids[0]))


@handles("get", "/v1/customers/{customer}/payment_methods")
def its_methods(call: Call) -> Obj:
    call.takes("type limit starting_after ending_before allow_redisplay")
    customer = call.account.living("customer", call.ids[0])
    return lists.paged(call, call.account.all("payment_method", customer=customer["id"]))


@handles("get", "/v1/customers/{customer}/payment_methods/{payment_method}")
def its_method(call: Call) -> Obj:
    customer = call.account.living("customer", call.ids[0])
    return methods.usable(call.account, call.ids[1], customer, "payment_method")


@includes("customer", "subscriptions")
def its_subscriptions(account: Account, customer: Obj) -> Obj:
    found = [each for each in account.all("subscription", customer=customer["id"]) if each["status"] not in _DONE]
    return list_of(found[:10], f"/v1/customers/{customer['id']}/subscriptions", has_more=len(found) > 10)


def _settings(call: Call, made: Obj) -> None:
    given = call.params.get("invoice_settings")
    if isinstance(given, dict) and "default_payment_method" in given:
        wanted = given["default_payment_method"]
        method = (
            methods.usable(call.account, wanted, made, "invoice_settings[default_payment_method]") if wanted else None
        )
        made["invoice_settings"] = people.invoice_settings(method["id"] if method else None)
