"""Plays a script at Stripe, or at the stand-in, with the plain package; all that it does leads to events there."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import stripe

from tests.support.live import eventually
from tests.support.standin import Shop

START = 1_767_614_400  # 5 January 2026, noon
_DAY = 86_400
_PATIENCE = 180  # seconds for a clock of Stripe's own
_STEP = 31 * _DAY  # Stripe's clocks go on by two of the shortest period at most
_CARDS = {
    "visa": "pm_card_visa",
    "mastercard": "pm_card_mastercard",
    "fails": "pm_card_chargeCustomerFail",
    "disputes": "pm_card_createDispute",
}


class Life:
    """A customer on a clock of its own."""

    def __init__(self, shop: Shop) -> None:
        self.v1, self.now = shop.v1, START
        self.clock = self.v1.test_helpers.test_clocks.create({"frozen_time": START}).id
        self.id = self.v1.customers.create({"email": "ada@example.com", "name": "Ada", "test_clock": self.clock}).id
        self.subscription = ""
        self.schedule = ""
        self._prices: dict[str, str] = {}

    def play(self, script: str) -> None:
        if not script.startswith("card"):
            self.card("visa")
        for step in script.split(";"):
            verb, *given = step.split()
            act: Callable[..., None] = getattr(self, {"try": "try_"}.get(verb, verb))
            act(*given)

    def card(self, kind: str) -> None:
        """From now on this one is charged."""
        if kind == "none":
            return
        method = self.v1.payment_methods.attach(_CARDS[kind], {"customer": self.id}).id
        self.v1.customers.update(self.id, {"invoice_settings": {"default_payment_method": method}})

    def subscribe(self, plan: str, interval: str = "month", trial: str = "0") -> None:
        wanted: dict[str, Any] = {"customer": self.id, "items": [{"price": self._price(plan, interval)}]}
        self._begin(wanted | ({"trial_period_days": int(trial)} if int(trial) else {}))

    def try_(self, plan: str, days: str) -> None:
        """Without a card."""
        ends = {"end_behavior": {"missing_payment_method": "cancel"}}
        items = [{"price": self._price(plan, "month")}]
        self._begin(
            {"customer": self.id, "items": items, "trial_period_days": int(days), "trial_settings": ends}
        )  # fmt: skip

    def _begin(self, wanted: dict[str, Any]) -> None:
        self.subscription = self.v1.subscriptions.create(wanted).id

    def wait(self, days: str) -> None:
        until = self.now + int(days) * _DAY
        while self.now < until:
            self.now = min(self.now + _STEP, until)
            clock = self.v1.test_helpers.test_clocks.advance(self.clock, {"frozen_time": self.now})
            if clock.status != "ready":
                eventually(self._clock_is_ready, _PATIENCE)

    def change(self, plan: str, interval: str = "month") -> None:
        """A card that is declined leaves all as it was."""
        items = [{"id": self._items()["plan"], "price": self._price(plan, interval)}]
        if seat := self._items().get("seat"):
            items.append({"id": seat, "price": self._price(plan, interval, "seat")})
        with suppress(stripe.CardError):
            self._update(
                items=items, proration_behavior="always_invoice", payment_behavior="error_if_incomplete"
            )  # fmt: skip

    def plan(self, plan: str, interval: str = "month") -> None:
        """From the period's end on."""
        made = self.v1.subscription_schedules.create({"from_subscription": self.subscription})
        first = made.phases[0]
        same = [{"price": item.price, "quantity": item.quantity} for item in first["items"]]
        now = {"items": same, "start_date": first.start_date, "end_date": first.end_date}
        length = {"interval": interval, "interval_count": 1}
        then = {"items": [{"price": self._price(plan, interval), "quantity": 1}], "duration": length}
        about = {"plan": plan, "version": "1", "interval": interval}
        wanted = {"phases": [now, then], "end_behavior": "release", "proration_behavior": "none", "metadata": about}
        self.schedule = self.v1.subscription_schedules.update(made.id, wanted).id

    def stay(self) -> None:
        self.v1.subscription_schedules.release(self.schedule)

    def seats(self, count: str) -> None:
        """Charged at once."""
        self._seats(int(count), "always_invoice")

    def fewer(self, count: str) -> None:
        self._seats(int(count), "none")

    def _seats(self, count: int, behaviour: str) -> None:
        there = self._items()
        found = self.v1.subscriptions.retrieve(self.subscription)["items"].data[0].price.lookup_key
        plan, interval = found.removeprefix("freehold_").split("_")[0], found.split("_")[-2]
        item = {"id": there["seat"]} if "seat" in there else {}
        seat = {**item, "price": self._price(plan, interval, "seat"), "quantity": count}
        self._update(items=[seat], proration_behavior=behaviour)

    def pay(self) -> None:
        """What is open, by hand."""
        for invoice in self.v1.invoices.list({"customer": self.id, "status": "open"}).data:
            self.v1.invoices.pay(invoice.id)

    def refund(self, amount: str) -> None:
        """Of the newest invoice that was paid."""
        invoice = self.v1.invoices.list({"customer": self.id, "status": "paid", "limit": 1}).data[0]
        (paid,) = self.v1.invoice_payments.list({"invoice": invoice.id, "status": "paid"}).data
        self.v1.refunds.create({"payment_intent": paid.payment.payment_intent, "amount": int(amount)})

    def credit(self, amount: str) -> None:
        invoice = self.v1.invoices.list({"customer": self.id, "limit": 1}).data[0]
        self.v1.credit_notes.create({"invoice": invoice.id, "amount": int(amount), "credit_amount": int(amount)})

    def balance(self, amount: str) -> None:
        self.v1.customers.update(self.id, {"balance": int(amount)})

    def cancel(self) -> None:
        self.v1.subscriptions.cancel(self.subscription)

    def cancel_later(self) -> None:
        if self.v1.subscriptions.retrieve(self.subscription).schedule:
            self.stay()
        self._update(cancel_at_period_end=True)

    def resume(self) -> None:
        self._update(cancel_at_period_end=False)

    def delete(self) -> None:
        self.v1.customers.delete(self.id)

    def _update(self, **wanted: Any) -> None:
        self.v1.subscriptions.update(self.subscription, wanted)

    def _items(self) -> dict[str, str]:
        """The ids of its items, by what they are for."""
        found = self.v1.subscriptions.retrieve(self.subscription)["items"].data
        return {"seat" if "_seat_" in item.price.lookup_key else "plan": item.id for item in found}

    def _price(self, plan: str, interval: str, part: str = "") -> str:
        key = f"freehold_{plan}_v1_{f'{part}_' if part else ''}{interval}_usd"
        if key not in self._prices:
            (found,) = self.v1.prices.list({"lookup_keys": [key]}).data
            self._prices[key] = found.id
        return self._prices[key]

    def _clock_is_ready(self) -> bool:
        return bool(self.v1.test_helpers.test_clocks.retrieve(self.clock).status == "ready")


def recorded(shop: Shop, customer: str, clock: str) -> list[dict[str, Any]]:
    """A customer's events and its clock's, the oldest first."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = shop.raw("GET", "/v1/events", params={"limit": 100, **after}).json()
        found += page["data"]
        if not page["has_more"]:
            break
        after = {"starting_after": page["data"][-1]["id"]}
    return [event for event in reversed(found) if _is_about(event, customer, clock)]


def _is_about(event: dict[str, Any], customer: str, clock: str) -> bool:
    told = event["data"]["object"]
    return (
        customer in {told.get("customer"), told.get("id")}
        or told.get("id") == clock
        or (customer == (event["data"].get("previous_attributes") or {}).get("customer"))
    )
