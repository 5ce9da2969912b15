"""What a change in the middle of a period costs: a credit for the unused time, a charge for the remaining time."""

from datetime import UTC, datetime

from billing.sandbox.shapes import invoices
from billing.sandbox.values import Obj


def lines(before: list[Obj], after: list[Obj], now: int) -> list[Obj]:
    """Lines for what differs between two states of the items; amounts are rounded to the minor unit."""
    old = {item["id"]: item for item in before}
    new = {item["id"]: item for item in after}
    found = []
    for made in [*old, *(made for made in new if made not in old)]:
        if _same(old.get(made), new.get(made)):
            continue
        if made in old:
            found.append(credit(old[made], now))
        if made in new:
            found.append(_charge(new[made], now))
    return [line for line in found if line["amount"]]


def credit(item: Obj, now: int) -> Obj:
    return _line(item, now, -1, "Unused time on")


def _charge(item: Obj, now: int) -> Obj:
    return _line(item, now, 1, "Remaining time on")


def _line(item: Obj, now: int, sign: int, words: str) -> Obj:
    start, end = item["current_period_start"], item["current_period_end"]
    share = max(end - now, 0) / (end - start)
    amount = sign * round((item["price"]["unit_amount"] or 0) * item["quantity"] * share)
    day = datetime.fromtimestamp(now, UTC).strftime("%d %b %Y")
    text = f"{words} {item['quantity']} \N{MULTIPLICATION SIGN} {item['price']['product']} after {day}"
    return invoices.line(item, amount, item["quantity"], (now, end), text, proration=True)


def _same(old: Obj | None, new: Obj | None) -> bool:
    return (
        old is not None
        and new is not None
        and (old["price"]["id"], old["quantity"]) == (new["price"]["id"], new["quantity"])
    )
