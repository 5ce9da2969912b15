"""/v1/invoice_payments, and what an invoice shows of them on request"""

from billing.sandbox.account import Account
from billing.sandbox.money import invoicing
from billing.sandbox.protocol import lists
from billing.sandbox.protocol.calls import Call, handles
from billing.sandbox.protocol.expand import includes
from billing.sandbox.values import Obj, list_of


@handles("get", "/v1/invoice_payments")
def payments(call: Call) -> Obj:
    params = call.takes("invoice payment status limit starting_after ending_before created")
    found = call.account.all(
        "invoice_payment", **{name: params[name] for name in ("invoice", "status") if name in params}
    )
    if wanted := (params.get("payment") or {}).get("payment_intent"):
        found = [each for each in found if each["payment"]["payment_intent"] == wanted]
    return lists.paged(call, found)


@handles("get", "/v1/invoice_payments/{invoice_payment}")
def payment(call: Call) -> Obj:
    return call.account.get("invoice_payment", call.ids[0])


@includes("invoice", "payments")
def its_payments(account: Account, invoice: Obj) -> Obj:
    return list_of(account.all("invoice_payment", invoice=invoice["id"]), f"/v1/invoices/{invoice['id']}/payments")


@includes("invoice", "confirmation_secret")
def its_secret(account: Account, invoice: Obj) -> Obj | None:
    if not account.all("invoice_payment", invoice=invoice["id"]):
        return None
    _, intent = invoicing.payment_of(account, invoice)
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}
