"""A credit note: it lowers what is still due of an invoice; what goes beyond is given back
(https://docs.stripe.com/api/credit_notes/create)."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import balances, collecting, creditlines, invoicing, refunding
from billing.sandbox.shapes import notes
from billing.sandbox.values import Obj, merged, taken

_BACK = "credit_amount refund_amount out_of_band_amount"


def issue(account: Account, params: dict[str, Any]) -> Obj:
    """Raises ApiError for more than the invoice came to, and for parts that don't make the whole."""
    invoice = account.get("invoice", params["invoice"], "invoice")
    made = _drafted(account, invoice, params)
    account.add(made)
    _give_back(account, invoice, made, params)
    _lower(account, invoice, made)
    account.save(made)
    events.emit(account, "credit_note.created", made)
    if invoice["status"] == "open" and not invoice["amount_remaining"]:
        collecting.settled(account, invoicing.close_as_paid(account, invoice))
    return made


def void(account: Account, made: Obj) -> Obj:
    """Only while its invoice is open: what was paid back is not taken again."""
    invoice = account.get("invoice", made["invoice"])
    if made["status"] == "void" or made["post_payment_amount"] or invoice["status"] != "open":
        raise ApiError("You can only void a credit note that lowered what is due of an invoice that is still open.")
    back = made["pre_payment_amount"]
    invoice["pre_payment_credit_notes_amount"] -= back
    _due(account, invoice, back)
    made |= {"status": "void", "voided_at": account.now(made["customer"])}
    return events.changed(account, "credit_note.voided", made)


def _drafted(account: Account, invoice: Obj, params: dict[str, Any]) -> Obj:
    if invoice["status"] not in {"open", "paid"}:
        raise ApiError(f"You can't create a credit note for an invoice that is {invoice['status']}.", param="invoice")
    lines = creditlines.of(account, invoice, params)
    amounts = creditlines.amounts(lines)
    before = [each for each in account.all("credit_note", invoice=invoice["id"]) if each["status"] == "issued"]
    left = invoice["total"] - sum(each["total"] for each in before)
    if amounts["total"] > left:
        raise ApiError(
            f"The credit note's total ({amounts['total']}) is greater than what the invoice has left ({left}).",
            param="amount",
        )
    early = min(amounts["total"], invoice["amount_remaining"])
    late = amounts["total"] - early
    kind = "mixed" if early and late else "post_payment" if late else "pre_payment"
    more = amounts | {"pre_payment_amount": early, "post_payment_amount": late, "type": kind}
    more |= taken(params, "effective_at memo reason") | {"metadata": merged({}, params.get("metadata"))}
    number = f"{invoice['number']}-CN-{len(account.all('credit_note', invoice=invoice['id'])) + 1:02d}"
    made = notes.credit_note(invoice, lines, number, account.now(invoice["customer"]), more)
    return made | {"pdf": f"{account.config.public_url}/credit_notes/{made['id']}/pdf"}


def _give_back(account: Account, invoice: Obj, made: Obj, params: dict[str, Any]) -> None:
    """What was paid already: to the card, to the balance, or elsewhere. The three make up the whole."""
    linked = [account.get("refund", each["refund"], "refunds") for each in params.get("refunds") or []]
    sums = [
        each.get("amount_refunded", refund["amount"])
        for each, refund in zip(params.get("refunds") or [], linked, strict=True)
    ]
    total = sum(params.get(name, 0) for name in _BACK.split()) + sum(sums)
    if total != made["post_payment_amount"]:
        raise ApiError(
            f"The sum of refund_amount, credit_amount and out_of_band_amount ({total}) must equal the credit note's "
            f"amount after payment ({made['post_payment_amount']}).",
            param="refund_amount",
        )
    entries = [_refund(refund["id"], amount) for refund, amount in zip(linked, sums, strict=True)]
    if params.get("refund_amount"):
        refund = refunding.refund(account, _charge(account, invoice), params["refund_amount"])
        entries.append(_refund(refund["id"], refund["amount"]))
    if params.get("credit_amount"):
        customer = account.living("customer", invoice["customer"], "credit_amount")
        moved = balances.move(
            account, customer, -params["credit_amount"], "credit_note", credit_note=made["id"], invoice=invoice["id"],
            currency=invoice["currency"],
        )  # fmt: skip
        made["customer_balance_transaction"] = moved["id"]
    made |= {"refunds": entries, "out_of_band_amount": params.get("out_of_band_amount")}


def _refund(wanted: str, amount: int) -> Obj:
    return {"amount_refunded": amount, "payment_record_refund": None, "refund": wanted, "type": "refund"}


def _charge(account: Account, invoice: Obj) -> Obj:
    if account.all("invoice_payment", invoice=invoice["id"]):
        _, intent = invoicing.payment_of(account, invoice)
        if intent["status"] == "succeeded":
            return account.get("charge", intent["latest_charge"])
    raise ApiError("This invoice was not paid by a charge that could be refunded.", param="refund_amount")


def _lower(account: Account, invoice: Obj, made: Obj) -> None:
    invoice["pre_payment_credit_notes_amount"] += made["pre_payment_amount"]
    invoice["post_payment_credit_notes_amount"] += made["post_payment_amount"]
    _due(account, invoice, -made["pre_payment_amount"])


def _due(account: Account, invoice: Obj, change: int) -> None:
    """The payment that was waiting asks for the new amount."""
    invoice["amount_due"] += change
    invoice["amount_remaining"] += change
    events.changed(account, "invoice.updated", invoice)
    if change:
        link, intent = invoicing.payment_of(account, invoice)
        account.save(link | {"amount_requested": invoice["amount_remaining"]})
        account.save(intent | {"amount": invoice["amount_remaining"]})
