"""/v1/invoiceitems"""

from fractions import Fraction

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import amounts
from billing.sandbox.money.rounding import half_up
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.shapes import invoice_items
from billing.sandbox.values import Obj, merged


@handles("post", "/v1/invoiceitems")
def create(call: Call) -> Obj:
    """For the customer's next invoice, or for the next of one of their subscriptions."""
    params = call.takes(
        "amount currency customer description discountable metadata period pricing quantity subscription "
        "unit_amount_decimal"
    )
    account = call.account
    if "customer" not in params:
        raise ApiError("Missing required param: customer.", "parameter_missing", "customer")
    customer = account.living("customer", params["customer"], "customer")
    subscription = _subscription(account, params, customer)
    currency = str(params.get("currency") or (subscription or customer)["currency"] or "usd").lower()
    given = params | _priced(account, params, currency) | {"currency": currency}
    given["metadata"] = merged({}, params.get("metadata"))
    made = invoice_items.invoice_item(given, customer, account.now(customer["id"]))
    return events.added(account, "invoiceitem.created", made)


@handles("get", "/v1/invoiceitems/{invoiceitem}")
def retrieve(call: Call) -> Obj:
    return call.account.get("invoiceitem", call.ids[0])


@handles("post", "/v1/invoiceitems/{invoiceitem}")
def update(call: Call) -> Obj:
    params = call.takes("amount description discountable metadata period")
    made = call.account.get("invoiceitem", call.ids[0])
    _still_waits(made)
    made |= {name: params[name] for name in ("amount", "description", "discountable", "period") if name in params}
    made |= {"net_amount": made["amount"], "metadata": merged(made["metadata"], params.get("metadata"))}
    return call.account.save(made)


@handles("delete", "/v1/invoiceitems/{invoiceitem}")
def delete(call: Call) -> Obj:
    made = call.account.living("invoiceitem", call.ids[0])
    _still_waits(made)
    events.emit(call.account, "invoiceitem.deleted", made)
    return call.account.delete(made)


@handles("get", "/v1/invoiceitems")
def index(call: Call) -> Obj:
    params = call.takes("created customer ending_before invoice limit pending starting_after")
    equal = {name: params[name] for name in ("customer", "invoice") if name in params}
    found = call.account.all("invoiceitem", **equal)
    if "pending" in params:
        found = [item for item in found if (item["invoice"] is None) == params["pending"]]
    return lists.paged(call, found)


def _subscription(account: Account, params: Obj, customer: Obj) -> Obj | None:
    if "subscription" not in params:
        return None
    found = account.get("subscription", params["subscription"], "subscription")
    if found["customer"] != customer["id"]:
        raise ApiError("The subscription belongs to another customer.", param="subscription")
    return found


def _priced(account: Account, params: Obj, currency: str) -> Obj:
    """An amount for all of it, or what one costs and how many."""
    quantity = params.get("quantity", 1)
    if "pricing" in params:
        price = account.get("price", (params["pricing"] or {}).get("price", ""), "pricing[price]")
        if price["recurring"]:
            raise ApiError("Invoice items take prices with `type=one_time` only.", param="pricing[price]")
        unit = amounts.terms_of(account, price, currency)["unit_amount_decimal"]
        name = account.get("product", price["product"])["name"]
        return _amounts(params, half_up(amounts.exact(account, price, currency, quantity)), quantity, name) | {
            "pricing": {
                "price_details": {"price": price["id"], "product": price["product"]},
                "type": "price_details",
                "unit_amount_decimal": unit,
            }
        }
    if "unit_amount_decimal" in params:
        return _amounts(params, half_up(Fraction(params["unit_amount_decimal"]) * quantity), quantity)
    if "amount" not in params:
        raise ApiError("Missing required param: amount.", "parameter_missing", "amount")
    return _amounts(params, params["amount"], 1)


def _amounts(params: Obj, amount: int, quantity: int, name: str | None = None) -> Obj:
    return {
        "amount": amount,
        "quantity": quantity,
        "description": params.get("description") or name,
        "pricing": None,
    }


def _still_waits(made: Obj) -> None:
    if made["invoice"]:
        raise ApiError("Can't change an invoice item that is on an invoice already.")
