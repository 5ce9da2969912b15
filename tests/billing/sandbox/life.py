"""A customer who lives by a test clock."""

from datetime import UTC, datetime
from typing import Any

from tests.support.standin import Shop

DAY = 86_400
START = int(datetime(2027, 1, 31, 12, tzinfo=UTC).timestamp())


class Life:
    """A customer who lives by a test clock."""

    def __init__(self, shop: Shop, card: str | None = "pm_card_visa") -> None:
        self.shop, self.v1 = shop, shop.v1
        self.clock = self.v1.test_helpers.test_clocks.create({"frozen_time": START})
        self.customer = shop.customer(card, test_clock=self.clock.id)

    def subscribe(self, price: Any = None, **more: Any) -> Any:
        self.made = self.shop.subscription(self.customer, price, **more)
        return self.made

    def go(self, when: int) -> Any:
        """Advance to a time; the subscription as it is then."""
        clock = self.v1.test_helpers.test_clocks.advance(self.clock.id, {"frozen_time": when})
        assert (clock.status, clock.frozen_time) == ("ready", when)
        return self.v1.subscriptions.retrieve(self.made.id)

    def invoices(self) -> list[tuple[str, int]]:
        found = self.v1.invoices.list({"customer": self.customer.id, "limit": 100}).data
        return [(invoice.status, invoice.total) for invoice in reversed(found)]

    def card(self, token: str) -> None:
        method = self.v1.payment_methods.attach(token, {"customer": self.customer.id})
        self.v1.customers.update(self.customer.id, {"invoice_settings": {"default_payment_method": method.id}})


def at(*date: int) -> int:
    return int(datetime(*date, 12, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]
