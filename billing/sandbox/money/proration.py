"""What a change in the middle of a period costs: a credit for the unused time, a charge for the remaining time."""

from billing.sandbox.account import Account
from billing.sandbox.money import lines
from billing.sandbox.values import Obj


def changed(before: Obj, after: Obj) -> list[str]:
    """The ids of the items that differ in price or quantity between two states of a subscription."""
    old, new = _by_id(before), _by_id(after)
    return [
        made for made in [*old, *(made for made in new if made not in old)] if not _same(old.get(made), new.get(made))
    ]


def of_change(account: Account, before: Obj, after: Obj, at: int) -> list[Obj]:
    """For each item that differs; what is billed by its usage is never prorated."""
    old, new = _by_id(before), _by_id(after)
    found = []
    for made in changed(before, after):
        if made in old and not lines.is_metered(old[made]):
            found += lines.of_unused(account, before, old[made], at)
        if made in new and not lines.is_metered(new[made]):
            found.append(lines.of_rest(account, after, new[made], at))
    return [line for line in found if line["amount"]]


def of_unused(account: Account, subscription: Obj, at: int) -> list[Obj]:
    """Credits for all that is paid beyond a time."""
    found = [
        line for item in subscription["items"]["data"] for line in lines.of_unused(account, subscription, item, at)
    ]
    return [line for line in found if line["amount"]]


def of_used(account: Account, subscription: Obj, gone: list[Obj], until: int) -> list[Obj]:
    """The usage of metered items whose price goes: it is billed at that price, up to now
    (https://docs.stripe.com/billing/subscriptions/usage-based/manage-billing-setup)."""
    used = lines.of_usage(account, subscription, gone, until)
    return used if any(line["amount"] for line in used) else []


def _by_id(subscription: Obj) -> dict[str, Obj]:
    return {item["id"]: item for item in subscription["items"]["data"]}


def _same(old: Obj | None, new: Obj | None) -> bool:
    return (
        old is not None
        and new is not None
        and (old["price"]["id"], old.get("quantity")) == (new["price"]["id"], new.get("quantity"))
    )
