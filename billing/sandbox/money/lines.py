"""The lines that a subscription's items make on invoices."""

from datetime import UTC, datetime

from billing.sandbox.account import Account
from billing.sandbox.money import amounts, debits, usage
from billing.sandbox.money.rounding import half_up
from billing.sandbox.shapes import invoices
from billing.sandbox.shapes.invoices import Charge
from billing.sandbox.values import Obj


def of_period(account: Account, subscription: Obj, items: list[Obj]) -> list[Obj]:
    """What is paid in advance for the items' current periods. Usage has no line before there is any:
    https://docs.stripe.com/billing/subscriptions/billing-mode/compare (flexible: no zero-amount lines for it)."""
    return [
        line for item in items if not is_metered(item) for line in _in_full(account, subscription, item, _period(item))
    ]


def of_trial(subscription: Obj, items: list[Obj]) -> list[Obj]:
    return [
        invoices.line(item, Charge(0, item["quantity"], subscription["currency"]), _period(item), "Trial period")
        for item in items
        if not is_metered(item)
    ]


def of_usage(account: Account, subscription: Obj, items: list[Obj], until: int) -> list[Obj]:
    """What was used of the metered items in their current periods, up to `until` and not with it."""
    return [
        line
        for item in items
        if is_metered(item)
        for line in of_span(account, subscription, item, (usage.begin(account, subscription, item), until))
    ]


def of_span(account: Account, subscription: Obj, item: Obj, span: tuple[int, int]) -> list[Obj]:
    """A metered item's usage between two moments."""
    if span[0] >= span[1]:
        return []
    used = usage.total(account, item["price"], subscription["customer"], *span)
    return _in_full(account, subscription, item, span, used)


def of_unused(account: Account, subscription: Obj, item: Obj, at: int) -> list[Obj]:
    """For the unused time of what was charged of this item, as it was charged: flexible billing credits "the original
    debited amount", one credit for each (https://docs.stripe.com/billing/subscriptions/billing-mode/compare)."""
    return [
        invoices.line(
            item,
            Charge(-half_up(debit.share(at)), debit.quantity, subscription["currency"]),
            (at, debit.end),
            f"Unused time on {_named(item, debit.quantity)} after {_day(at)}",
            proration=True,
        )
        for debit in debits.of_item(account, subscription, item)
    ]


def of_rest(account: Account, subscription: Obj, item: Obj, at: int) -> Obj:
    """For the rest of the current period. Prorations are "down to the second"
    (https://docs.stripe.com/billing/scripts/prorations), rounded once, in the line."""
    start, end = _period(item)
    quantity, currency = item["quantity"], subscription["currency"]
    share = amounts.exact(account, item["price"], currency, quantity) * max(end - at, 0) / (end - start)
    unit = amounts.terms_of(account, item["price"], currency)["unit_amount_decimal"]
    text = f"Remaining time on {_named(item, quantity)} after {_day(at)}"
    return invoices.line(item, Charge(half_up(share), quantity, currency, unit), (at, end), text, proration=True)


def of_share(account: Account, subscription: Obj, item: Obj, begins: int) -> Obj:
    """For a current period that is the end of a whole one, which would have begun before."""
    start, end = _period(item)
    quantity, currency = item["quantity"], subscription["currency"]
    share = amounts.exact(account, item["price"], currency, quantity) * (end - start) / (end - begins)
    return invoices.line(item, Charge(half_up(share), quantity, currency), (start, end), _named(item, quantity))


def whole(account: Account, subscription: Obj, item: Obj) -> Obj:
    """One line for all of an item's period; nothing for what is billed by its usage."""
    currency = subscription["currency"]
    quantity = 0 if is_metered(item) else item["quantity"]
    amount = 0 if is_metered(item) else half_up(amounts.exact(account, item["price"], currency, quantity))
    return invoices.line(item, Charge(amount, quantity, currency), _period(item), _named(item, quantity))


def is_metered(item: Obj) -> bool:
    return bool(item["price"]["recurring"]["usage_type"] == "metered")


def _in_full(
    account: Account, subscription: Obj, item: Obj, period: tuple[int, int], quantity: int | None = None
) -> list[Obj]:
    """A line for each part of the amount; a graduated price has one for each tier that was reached."""
    currency = subscription["currency"]
    count = item["quantity"] if quantity is None else quantity
    return [
        invoices.line(
            item,
            Charge(part.amount, part.quantity, currency, part.unit),
            period,
            _named(item, part.quantity) + (f" ({part.tier})" if part.tier else ""),
        )
        for part in amounts.parts(account, item["price"], currency, count)
    ]


def _period(item: Obj) -> tuple[int, int]:
    return item["current_period_start"], item["current_period_end"]


def _named(item: Obj, quantity: int) -> str:
    """With the product's id, which becomes its name on the invoice."""
    return f"{quantity} \N{MULTIPLICATION SIGN} {item['price']['product']}"


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d %b %Y")
