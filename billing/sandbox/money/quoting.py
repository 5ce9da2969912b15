"""What a Checkout session would charge: its first invoice, made and taken back again."""

from dataclasses import dataclass
from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.money import buyers, discounting, forecast, lines, subscribing, taxing
from billing.sandbox.money.buyers import Buyer
from billing.sandbox.shapes import people
from billing.sandbox.values import Obj


@dataclass(frozen=True)
class Quote:
    invoice: Obj
    items: list[Obj]  # the subscription's, in the order of the session's lines
    wholes: list[int]  # what each costs for a period, before discounts and taxes

    def lines_of(self, number: int) -> list[Obj]:
        """The invoice's lines for one of the session's: none for usage, several for tiers."""
        made = self.items[number]["id"]
        found = self.invoice["lines"]["data"]
        return [line for line in found if discounting.item_of(line) == made]


def quoted(account: Account, customer: Obj | None, asked: dict[str, Any], buyer: Buyer | None = None) -> Quote:
    """`asked` is what the subscription is to be made of. Raises ApiError for what Stripe refuses."""
    return forecast.asked(account, lambda: _quote(account, customer, asked, buyer))


def _quote(account: Account, customer: Obj | None, asked: dict[str, Any], buyer: Buyer | None) -> Quote:
    customer = customer or account.add(people.customer({}, account.now()))
    if buyer and buyer.address:
        customer = account.save(customer | {"address": buyer.address})
    if buyer:
        buyers.keep_tax_id(account, customer, buyer)
    params = asked | {"payment_behavior": "default_incomplete"}
    if taxing.located(customer) is None:
        params.pop("automatic_tax", None)  # until somebody tells where they are
    made = subscribing.subscribe(account, customer, params)
    items = made["items"]["data"]
    wholes = [lines.whole(account, made, item)["amount"] for item in items]
    if made["latest_invoice"] is None:  # all of it is billed by its usage
        empty = forecast.drawn(account, customer, made, [], "subscription_create", (made["created"], made["created"]))
        return Quote(empty, items, wholes)
    return Quote(account.get("invoice", made["latest_invoice"]), items, wholes)
