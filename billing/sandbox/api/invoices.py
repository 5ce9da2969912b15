"""/v1/invoices and their lines"""

from billing.sandbox import events
from billing.sandbox.errors import ApiError
from billing.sandbox.money import collecting, invoicing, methods, subscribing
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.search import searched
from billing.sandbox.values import Obj, merged


@handles("get", "/v1/invoices/{invoice}")
def retrieve(call: Call) -> Obj:
    return call.account.get("invoice", call.ids[0])


@handles("post", "/v1/invoices/{invoice}")
def update(call: Call) -> Obj:
    params = call.takes("auto_advance description metadata")
    made = call.account.get("invoice", call.ids[0])
    made |= {name: params[name] for name in ("auto_advance", "description") if name in params}
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return call.account.save(made)


@handles("get", "/v1/invoices")
def index(call: Call) -> Obj:
    params = call.takes("collection_method created customer ending_before limit starting_after status subscription")
    names = ("collection_method", "customer", "status")
    found = call.account.all("invoice", **{name: params[name] for name in names if name in params})
    if "subscription" in params:
        found = [each for each in found if _subscription_id(each) == params["subscription"]]
    return lists.paged(call, found)


@handles("get", "/v1/invoices/search")
def search(call: Call) -> Obj:
    return searched(call, "invoice")


@handles("get", "/v1/invoices/{invoice}/lines")
def lines(call: Call) -> Obj:
    call.takes("limit starting_after ending_before")
    return lists.paged(call, call.account.get("invoice", call.ids[0])["lines"]["data"])


@handles("post", "/v1/invoices/{invoice}/finalize")
def finalize(call: Call) -> Obj:
    call.takes("auto_advance")
    return invoicing.finalize(call.account, call.account.get("invoice", call.ids[0]))


@handles("post", "/v1/invoices/{invoice}/pay")
def pay(call: Call) -> Obj:
    """Raises CardDeclined when the card refuses; what happened is recorded all the same."""
    params = call.takes("payment_method paid_out_of_band off_session")
    invoice = call.account.get("invoice", call.ids[0])
    if invoice["status"] == "draft":
        invoice = invoicing.finalize(call.account, invoice)
    if invoice["status"] == "paid":
        raise ApiError("Invoice is already paid", "invoice_already_paid")
    customer = call.account.get("customer", invoice["customer"])
    if params.get("paid_out_of_band"):
        invoice = invoicing.mark_paid_elsewhere(call.account, invoice)
        collecting.settled(call.account, invoice)
        return invoice
    wanted = params.get("payment_method")
    method = methods.usable(call.account, wanted, customer, "payment_method") if wanted else None
    invoice = collecting.collect(call.account, invoice, method)
    if invoice["status"] != "paid":
        raise subscribing.why(call.account, invoice)
    return invoice


@handles("post", "/v1/invoices/{invoice}/mark_uncollectible")
def mark_uncollectible(call: Call) -> Obj:
    return invoicing.mark_uncollectible(call.account, call.account.get("invoice", call.ids[0]))


@handles("post", "/v1/invoices/{invoice}/send")
def send(call: Call) -> Obj:
    """Nothing is mailed: the event tells that it would be."""
    invoice = call.account.get("invoice", call.ids[0])
    if invoice["status"] == "draft":
        invoice = invoicing.finalize(call.account, invoice)
    if invoice["status"] not in {"open", "paid", "uncollectible"}:
        raise ApiError(f"You can't send an invoice that is {invoice['status']}.", "invoice_not_open")
    events.emit(call.account, "invoice.sent", invoice)
    return invoice


@handles("post", "/v1/invoices/{invoice}/void")
def void(call: Call) -> Obj:
    return invoicing.void(call.account, call.account.get("invoice", call.ids[0]))


def _subscription_id(invoice: Obj) -> str | None:
    return invoice["parent"]["subscription_details"]["subscription"] if invoice["parent"] else None
