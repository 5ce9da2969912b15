"""What a subscription's call says of discounts and taxes, for the whole of it and for its items."""

from typing import Any

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import redeeming, taxing
from billing.sandbox.money.redeeming import Purchase
from billing.sandbox.values import Obj

_NO_PLACE = (
    "The customer's location isn't recognized. Set a valid customer address in order to automatically calculate tax."
)


def apply(account: Account, customer: Obj, subscription: Obj, params: dict[str, Any], amount: int) -> None:
    """Set them on the subscription; `amount` is a period's price before any discount. Raises ApiError."""
    purchase = Purchase(customer, subscription["currency"], amount, account.now(customer["id"]))
    if "default_tax_rates" in params:
        subscription["default_tax_rates"] = rates(account, params["default_tax_rates"], "default_tax_rates")
    if "automatic_tax" in params:
        subscription["automatic_tax"] = automatic(customer, params["automatic_tax"])
    if "discounts" in params:
        subscription["discounts"] = _discounts(
            account, subscription["discounts"], params["discounts"], "discounts", purchase,
            subscription=subscription["id"],
        )  # fmt: skip
    _of_items(account, subscription, params.get("items") or [], purchase)


def spend(account: Account, customer: Obj, subscription: Obj | None, invoice: Obj) -> None:
    """After an invoice was made: discounts for one invoice and those that have ended are taken away."""
    now = account.now(customer["id"])
    used = {each["discount"] for each in invoice["total_discount_amounts"] if each["amount"]}

    def over(wanted: str) -> bool:
        found = account.get("discount", wanted)
        once = account.private(wanted)["terms"]["duration"] == "once"
        return (once and wanted in used) or (found["end"] is not None and found["end"] <= now)

    for holder in [subscription, *subscription["items"]["data"]] if subscription else []:
        gone = [wanted for wanted in holder["discounts"] if over(wanted)]
        holder["discounts"] = [wanted for wanted in holder["discounts"] if wanted not in gone]
        for wanted in gone:
            end(account, wanted)
    if customer.get("discount") and over(customer["discount"]["id"]):
        end(account, customer["discount"]["id"])
        customer["discount"] = None
        account.save(customer)


def end(account: Account, wanted: str) -> Obj:
    """A discount is on nothing any more; invoices that had it still name it."""
    found = account.get("discount", wanted)
    events.emit(account, "customer.discount.deleted", found)
    return found


def _of_items(account: Account, subscription: Obj, given: list[dict[str, Any]], purchase: Purchase) -> None:
    """Items that the call names by id, and its new ones in their order, which come last."""
    items = subscription["items"]["data"]
    by_id = {item["id"]: item for item in items}
    added = iter(items[len(items) - sum(not params.get("id") for params in given) :])
    for number, params in enumerate(given):
        item = by_id.get(params["id"]) if params.get("id") else next(added)
        if item is None:
            continue
        path = f"items[{number}]"
        if "tax_rates" in params:
            item["tax_rates"] = rates(account, params["tax_rates"], f"{path}[tax_rates]")
        if "discounts" in params:
            item["discounts"] = _discounts(
                account, item["discounts"], params["discounts"], f"{path}[discounts]", purchase,
                subscription=subscription["id"], subscription_item=item["id"],
            )  # fmt: skip


def _discounts(
    account: Account, held: list[str], given: Any, path: str, purchase: Purchase, **holder: str
) -> list[str]:
    """A list takes the place of what was there; an empty string of nothing clears it."""
    kept = []
    for number, each in enumerate(given or []):
        at = f"{path}[{number}]"
        if each.get("discount"):
            kept.append(redeeming.existing(each["discount"], held, at))
        else:
            offer = redeeming.offered(account, each, at, purchase)
            kept.append(redeeming.redeem(account, offer, purchase, **holder)["id"])
    for wanted in held:
        if wanted not in kept:
            end(account, wanted)
    return kept


def rates(account: Account, given: Any, path: str) -> list[Obj]:
    found = [account.get("tax_rate", wanted, f"{path}[{number}]") for number, wanted in enumerate(given or [])]
    for rate in found:
        if not rate["active"]:
            raise ApiError(f"The tax rate {rate['id']} is archived and cannot be used.", param=path)
    if len({rate["inclusive"] for rate in found}) > 1:
        raise ApiError("Inclusive and exclusive tax rates cannot be used together.", param=path)
    return found


def automatic(customer: Obj, given: Obj) -> Obj:
    if given["enabled"] and taxing.located(customer) is None:
        raise ApiError(_NO_PLACE, "customer_tax_location_invalid", "automatic_tax")
    liability = {"type": "self"} if given["enabled"] else None
    return {"disabled_reason": None, "enabled": given["enabled"], "liability": liability}
