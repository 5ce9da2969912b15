"""What people buy from Stripe arrives in the books, in their currency."""

import pytest
from flask import Flask

from tests.support.books import Books
from tests.support.database import sql
from tests.support.payments import Stripe, location, pay
from tests.support.people import Person


@pytest.mark.parametrize(
    ("interval", "currency", "amount", "monthly"),
    [("month", "jpy", 2800, 2800), ("year", "gbp", 16000, 1333)],  # 16000 / 12 = 1333.33
)
def test_who_pays_is_in_the_books_until_they_leave(
    app: Flask, stripe: Stripe, owner: Person, interval: str, currency: str, amount: int, monthly: int
) -> None:
    page = owner.open(f"/billing/choose?plan=starter&interval={interval}&currency={currency}")
    assert pay(location(owner, page, "/billing/checkout")).status_code == 303
    stripe.deliver(owner.browser)
    query = "SELECT id, amount, monthly, currency FROM platform.subscriptions WHERE tenant = :t"
    (found,) = sql(app, query, t=owner.tenant)
    assert (found.amount, found.monthly, found.currency) == (amount, monthly, currency)
    stripe.shop.v1.subscriptions.cancel(found.id)
    stripe.deliver(owner.browser)
    assert Books(app).changes(owner.tenant) == [
        ("new", "starter", "starter", currency, 0, monthly),
        ("churn", "starter", "starter", currency, monthly, 0),
    ]
