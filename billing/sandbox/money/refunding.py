"""Money goes back to a card, in part or in full, never more than was taken."""

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.shapes import payments
from billing.sandbox.values import Obj


def refund(
    account: Account, charge: Obj, amount: int | None, reason: str | None = None, metadata: dict[str, str] | None = None
) -> Obj:
    """All that is left when no amount is said. Raises ApiError."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = left if amount is None else amount
    _check(charge, amount, left)
    made = payments.refund(charge, amount, reason, metadata or {}, account.now(charge["customer"]))
    account.add(made)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    events.changed(account, "charge.refunded", charge)
    events.emit(account, "refund.created", made)
    return made


def _check(charge: Obj, amount: int, left: int) -> None:
    if not charge["paid"]:
        raise ApiError(f"Charge {charge['id']} has not succeeded and cannot be refunded.", param="charge")
    if charge["disputed"]:
        raise ApiError(f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed")
    if left == 0:
        raise ApiError(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    if amount < 1:
        raise ApiError("Invalid positive integer", "parameter_invalid_integer", "amount")
    if amount > left:
        raise ApiError(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).", param="amount"
        )
