"""Where a case is played: a test clock, a customer and a subscription at Stripe or at the stand-in."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import stripe

from tests.billing.golden.model import Case, Item, Items, Price, Tier, moment
from tests.support.live import eventually

PATIENCE = 180  # seconds for a clock of Stripe's own


@dataclass
class Stage:
    client: stripe.StripeClient
    case: Case
    now: int = 0
    seen: str = ""  # the invoice that was looked at last
    subscribed: str = ""
    schedule: str = ""
    meter: Any = None
    used: int = 0  # what the meter was told
    products: dict[str, str] = field(default_factory=dict)  # part -> product
    _prices: dict[tuple[str, Price], str] = field(default_factory=dict)
    _parts: dict[str, str] = field(default_factory=dict)  # price -> part

    def __post_init__(self) -> None:
        self.now = moment(self.case.start)
        self.clock = self.v1.test_helpers.test_clocks.create({"frozen_time": self.now})
        wanted: dict[str, Any] = {"email": "ada@example.com", "test_clock": self.clock.id}
        if self.case.card:
            default = {"default_payment_method": self.case.card}
            wanted |= {"payment_method": self.case.card, "invoice_settings": default}
        if self.case.balance:
            wanted["balance"] = self.case.balance
        self.customer = self.v1.customers.create(wanted)

    @property
    def v1(self) -> Any:
        return self.client.v1

    def reach(self, instant: int) -> None:
        if instant > self.now:
            clock = self.v1.test_helpers.test_clocks.advance(self.clock.id, {"frozen_time": instant})
            if clock.status != "ready":
                eventually(self._clock_is_ready, PATIENCE)
            self.now = instant

    def close(self) -> None:
        """Takes the customer and the subscription along."""
        self.v1.test_helpers.test_clocks.delete(self.clock.id)

    def subscription(self) -> Any:
        return self.v1.subscriptions.retrieve(self.subscribed)

    def invoice(self) -> Any:
        """The latest one."""
        return self.v1.subscriptions.retrieve(self.subscribed, {"expand": ["latest_invoice"]}).latest_invoice

    def charged(self) -> str:
        """The payment intent that paid the latest invoice."""
        (payment,) = self.v1.invoice_payments.list({"invoice": self.invoice().id, "status": "paid"}).data
        return str(payment.payment.payment_intent)

    def items(self, items: Items) -> list[dict[str, Any]]:
        """The parameters of a new subscription's items."""
        return [self._item(name, told) for name, told in items.items() if told]

    def changed(self, items: Items) -> list[dict[str, Any]]:
        """The parameters that change a subscription's items to these; parts that are not named stay."""
        there = {self._parts[each.price.id]: each.id for each in self.subscription()["items"].data}
        return [self._changed(name, told, there) for name, told in items.items()]

    def _changed(self, name: str, told: Price | Item | None, there: dict[str, str]) -> dict[str, Any]:
        if told is None:
            return {"id": there[name], "deleted": True}
        return ({"id": there[name]} if name in there else {}) | self._item(name, told)

    def _item(self, name: str, told: Price | Item) -> dict[str, Any]:
        wanted = told if isinstance(told, Item) else Item(told)
        quantity = {} if wanted.price.metered else {"quantity": wanted.quantity}
        return {"price": self._price(name, wanted.price)} | quantity

    def _price(self, name: str, told: Price) -> str:
        if (name, told) not in self._prices:
            made = self.v1.prices.create(self._wanted(name, told))
            self._prices[name, told], self._parts[made.id], self.products[name] = made.id, name, made.product
        return self._prices[name, told]

    def _wanted(self, name: str, told: Price) -> dict[str, Any]:
        recurring: dict[str, Any] = {"interval": told.interval}
        if told.metered:
            recurring |= {"usage_type": "metered", "meter": self._metered().id}
        currency = "usd" if told.others else self.case.currency
        product = {"name": f"{name} of {self.case.id}"}
        return {"product_data": product, "currency": currency, "recurring": recurring, **_charge(told)}

    def _metered(self) -> Any:
        if self.meter:
            return self.meter
        name = f"golden_{secrets.token_hex(6)}"
        wanted = {"display_name": name, "event_name": name, "default_aggregation": {"formula": "sum"}}
        mapping = {"type": "by_id", "event_payload_key": "stripe_customer_id"}
        more = {"customer_mapping": mapping, "value_settings": {"event_payload_key": "value"}}
        self.meter = self.v1.billing.meters.create(wanted | more)
        return self.meter

    def _clock_is_ready(self) -> bool:
        return bool(self.v1.test_helpers.test_clocks.retrieve(self.clock.id).status == "ready")


def _charge(told: Price) -> dict[str, Any]:
    """How a price comes to its amount."""
    if told.tiers:
        return {"billing_scheme": "tiered", "tiers_mode": told.mode, "tiers": [_tier(each) for each in told.tiers]}
    amount: dict[str, Any] = {"unit_amount_decimal": told.decimal} if told.decimal else {"unit_amount": told.amount}
    if told.package:
        amount["transform_quantity"] = {"divide_by": told.package, "round": told.rounded}
    if told.others:
        amount["currency_options"] = {currency: {"unit_amount": other} for currency, other in told.others}
    return amount


def _tier(told: Tier) -> dict[str, Any]:
    flat = {"flat_amount": told.flat} if told.flat else {}
    return {"up_to": told.up_to or "inf", "unit_amount_decimal": told.unit} | flat
