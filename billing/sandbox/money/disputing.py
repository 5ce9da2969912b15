"""A charge is disputed: by the test card for it, and closed by what its evidence says
(https://docs.stripe.com/testing#disputes)."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.shapes import disputes
from billing.sandbox.values import Obj, merged

_VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}
_OPEN = {"needs_response", "under_review"}


def begin(account: Account, charge: Obj) -> None:
    """The money is gone at once, until the dispute is won."""
    events.changed(account, "charge.updated", charge | {"disputed": True})
    made = disputes.dispute(charge, account.now(charge["customer"]))
    events.added(account, "charge.dispute.created", made)
    events.emit(account, "charge.dispute.funds_withdrawn", made)


def answer(account: Account, made: Obj, params: dict[str, Any]) -> Obj:
    """Evidence is kept, and sent in unless `submit` says to wait."""
    if "evidence" in params and made["status"] not in _OPEN:
        raise ApiError("This dispute is already closed.", param="evidence")
    made["metadata"] = merged(made["metadata"], params.get("metadata"))
    given = {name: value or None for name, value in (params.get("evidence") or {}).items()}
    if given:
        made["evidence"] = made["evidence"] | given
        made["evidence_details"] = made["evidence_details"] | {"has_evidence": True}
    if params.get("submit", bool(given)):
        details = made["evidence_details"]
        count = details["submission_count"] + 1
        made["evidence_details"] = details | {"submission_count": count, "submission_method": "manual"}
        made["status"] = "under_review"
    events.changed(account, "charge.dispute.updated", made)
    verdict = _VERDICTS.get(made["evidence"]["uncategorized_text"] or "")
    return close(account, made, verdict) if verdict and made["status"] == "under_review" else made


def close(account: Account, made: Obj, verdict: str = "lost") -> Obj:
    """Closing it by a call is giving in."""
    if made["status"] not in _OPEN:
        raise ApiError("This dispute is already closed.")
    made["status"] = verdict
    if verdict == "won":
        back = disputes.moved(made["id"], made["currency"], made["amount"], 0, _now(account, made))
        made["balance_transactions"] = [*made["balance_transactions"], back]
    account.save(made)
    events.emit(account, "charge.dispute.closed", made)
    if verdict == "won":
        events.emit(account, "charge.dispute.funds_reinstated", made)
    return made


def _now(account: Account, made: Obj) -> int:
    return account.now(account.get("charge", made["charge"])["customer"])
