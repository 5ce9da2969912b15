"""Charges for the rest of a period with the discounts in their amounts, as flexible billing shows them with
`proration_discounts` included (https://docs.stripe.com/billing/subscriptions/billing-mode/compare). Credits are for
what was really charged, so they have theirs already (debits). A discount for one invoice waits for a whole period.
"""

from collections.abc import Callable
from fractions import Fraction

from billing.sandbox.account import Account
from billing.sandbox.money import discounting
from billing.sandbox.money.rounding import half_up
from billing.sandbox.values import Obj

PeriodLine = Callable[[Obj], Obj]  # the line for an item's whole period


def netted(account: Account, subscription: Obj, lines: list[Obj], whole: PeriodLine) -> list[Obj]:
    """The lines, with what a proration charges less the discounts that go on."""
    if not any(_is_charge(line) for line in lines):
        return lines
    shares = _paid(account, subscription, whole)
    return [_net(line, shares) for line in lines]


def _net(line: Obj, shares: dict[str, Fraction]) -> Obj:
    share = shares.get(discounting.item_of(line) or "")
    if share is None or not _is_charge(line):
        return line
    amount = half_up(line["amount"] * share)
    return line | {"amount": amount, "subtotal": amount}


def _is_charge(line: Obj) -> bool:
    details = (line["parent"] or {}).get("subscription_item_details") or {"proration": False}
    return bool(details["proration"] and line["amount"] > 0)


def _paid(account: Account, subscription: Obj, whole: PeriodLine) -> dict[str, Fraction]:
    """The share of its price that each item costs by the discounts that are there for longer than one invoice."""
    customer = account.get("customer", subscription["customer"])
    now = account.now(customer["id"])
    items = {
        item["id"]: item | {"discounts": _lasting(account, item["discounts"])} for item in subscription["items"]["data"]
    }
    ids = _lasting(account, discounting.of_whole(account, customer, subscription, now))
    lines = discounting.discounted(account, [whole(item) for item in items.values()], ids, items, now)
    return {
        item: 1 - Fraction(sum(each["amount"] for each in line["discount_amounts"]), line["amount"])
        for item, line in zip(items, lines, strict=True)
        if line["amount"] > 0
    }


def _lasting(account: Account, ids: list[str]) -> list[str]:
    return [wanted for wanted in ids if account.private(wanted)["terms"]["duration"] != "once"]
