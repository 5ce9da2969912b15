"""/v1/products"""

from billing.sandbox import events
from billing.sandbox.errors import ApiError
from billing.sandbox.money import pricing
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.search import searched
from billing.sandbox.shapes import catalog
from billing.sandbox.values import Obj, merged, taken

_FIELDS = "active default_price description images marketing_features name statement_descriptor tax_code unit_label url"


@handles("post", "/v1/products")
def create(call: Call) -> Obj:
    params = call.takes(f"id metadata shippable type default_price_data {_FIELDS}")
    if "id" in params and call.account.find(params["id"]):
        raise ApiError(f"Product already exists: {params['id']}", "resource_already_exists", "id")
    made = catalog.product(params, call.account.now())
    events.added(call.account, "product.created", made)
    if data := params.get("default_price_data"):
        made["default_price"] = pricing.made(call.account, data, made["id"])["id"]
        call.account.save(made)
    return made


@handles("get", "/v1/products/{id}")
def retrieve(call: Call) -> Obj:
    return call.account.get("product", call.ids[0])


@handles("post", "/v1/products/{id}")
def update(call: Call) -> Obj:
    params = call.takes(f"metadata {_FIELDS}")
    made = call.account.living("product", call.ids[0])
    made |= taken(params, _FIELDS)
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    made["updated"] = call.account.now()
    return events.changed(call.account, "product.updated", made)


@handles("get", "/v1/products")
def index(call: Call) -> Obj:
    params = call.takes("active created ending_before starting_after limit ids type url")
    if "ids" in params:
        wanted = set(params["ids"])
        return lists.paged(call, [found for found in call.account.all("product") if found["id"] in wanted])
    return lists.page(call, "product", "active", "type", "url")


@handles("get", "/v1/products/search")
def search(call: Call) -> Obj:
    return searched(call, "product")


@handles("delete", "/v1/products/{id}")
def delete(call: Call) -> Obj:
    made = call.account.living("product", call.ids[0])
    if call.account.all("price", product=made["id"]):
        raise ApiError(
            "This product cannot be deleted because it has one or more user-created prices. You may archive it instead."
        )
    events.emit(call.account, "product.deleted", made)
    return call.account.delete(made)
