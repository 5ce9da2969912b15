"""/v1/credit_notes"""

from billing.sandbox import events
from billing.sandbox.money import crediting, forecast
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.values import Obj, merged, taken

_TAKEN = "amount credit_amount effective_at invoice lines memo metadata out_of_band_amount reason refund_amount refunds"


@handles("post", "/v1/credit_notes")
def create(call: Call) -> Obj:
    return crediting.issue(call.account, call.takes(f"email_type {_TAKEN}"))


@handles("get", "/v1/credit_notes/preview")
def preview(call: Call) -> Obj:
    return _previewed(call)


@handles("get", "/v1/credit_notes/preview/lines")
def preview_lines(call: Call) -> Obj:
    return lists.paged(call, _previewed(call)["lines"]["data"])


@handles("get", "/v1/credit_notes/{id}")
def retrieve(call: Call) -> Obj:
    return call.account.get("credit_note", call.ids[0])


@handles("post", "/v1/credit_notes/{id}")
def update(call: Call) -> Obj:
    params = call.takes("memo metadata")
    made = call.account.get("credit_note", call.ids[0]) | taken(params, "memo")
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    return events.changed(call.account, "credit_note.updated", made)


@handles("post", "/v1/credit_notes/{id}/void")
def void(call: Call) -> Obj:
    return crediting.void(call.account, call.account.get("credit_note", call.ids[0]))


@handles("get", "/v1/credit_notes")
def index(call: Call) -> Obj:
    call.takes("created customer ending_before invoice limit starting_after")
    return lists.page(call, "credit_note", "customer", "invoice")


@handles("get", "/v1/credit_notes/{credit_note}/lines")
def lines(call: Call) -> Obj:
    call.takes("ending_before limit starting_after")
    return lists.paged(call, call.account.get("credit_note", call.ids[0])["lines"]["data"])


def _previewed(call: Call) -> Obj:
    params = call.takes(f"email_type ending_before limit starting_after {_TAKEN}")
    return forecast.asked(call.account, lambda: crediting.issue(call.account, params))
