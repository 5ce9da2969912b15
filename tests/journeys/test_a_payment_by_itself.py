"""The whole way in processes of their own: pages, payment page, signed webhook, worker, plan."""

from flask import Flask

from tests.support.live import Running, eventually
from tests.support.pages import heading
from tests.support.payments import Stripe, choose, pay, plan_of
from tests.support.people import sign_up


def test_a_payment_makes_its_way_by_itself(app: Flask, running: Running, stripe: Stripe) -> None:
    person = sign_up(app, running.browser())
    back = pay(choose(person, "starter")).headers["Location"]
    assert back.startswith(f"{person.home}/billing/return?checkout=")
    eventually(lambda: heading(person.browser.open(back)) == "You are on Starter")
    assert plan_of(app, person)[0] == "starter"


def test_while_the_webhook_is_held_the_page_waits(app: Flask, running: Running, stripe: Stripe) -> None:
    stripe.shop.control("POST", "hold")
    person = sign_up(app, running.browser())
    back = pay(choose(person, "scale")).headers["Location"]
    assert heading(person.browser.open(back)) == "Your payment is being processed"
    stripe.shop.control("POST", "release")
    eventually(lambda: heading(person.browser.open(back)) == "You are on Scale")
