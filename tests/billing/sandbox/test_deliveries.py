"""Webhooks: at least once, again after failures, across a kill; and the control API that tests steer them with."""

import resource

import pytest
import requests
import stripe

from tests.support.live import eventually
from tests.support.standin import PATIENCE, Process, Receiver, Shop

DAY = 86_400
START = 1_800_000_000


def listen(shop: Shop, receiver: Receiver, *kinds: str) -> str:
    """Register an endpoint; its secret."""
    made = shop.control("POST", "endpoints", url=receiver.url, secret="whsec_chosen", events=list(kinds) or ["*"])
    assert "secret" not in made
    return "whsec_chosen"


def states(shop: Shop) -> list[str]:
    """Of its deliveries, the oldest first."""
    return [each["state"] for each in shop.deliveries()]


def attempts(shop: Shop) -> list[int]:
    return [each["attempts"] for each in shop.deliveries()]


def test_a_failing_receiver_is_tried_again(shop: Shop, receiver: Receiver) -> None:
    secret = listen(shop, receiver, "customer.created")
    receiver.statuses += [500, 404, 302]
    shop.v1.customers.create({"name": "Ada"})
    eventually(lambda: shop.deliveries()[0]["state"] == "delivered")
    assert (len(receiver.received), shop.deliveries()[0]["attempts"]) == (4, 4)
    assert len({body for body, _ in receiver.received}) == 1
    for body, signature in receiver.received:
        stripe.Webhook.construct_event(body, signature, secret)


def test_an_endpoint_gets_only_what_it_asked_for(shop: Shop, receiver: Receiver) -> None:
    listen(shop, receiver, "product.created")
    shop.v1.customers.create({"name": "Ada"})
    shop.v1.products.create({"name": "Ada"})
    eventually(lambda: receiver.types() == ["product.created"])
    assert len(shop.deliveries()) == 1


def test_a_deleted_endpoint_gets_nothing_more(shop: Shop, receiver: Receiver) -> None:
    listen(shop, receiver)
    shop.control("POST", "hold")
    shop.v1.customers.create({"name": "Ada"})
    shop.v1.webhook_endpoints.delete(shop.v1.webhook_endpoints.list().data[0].id)
    shop.control("POST", "release")
    assert states(shop) == ["dropped"]
    assert receiver.received == []


def test_held_then_released_dropped_and_repeated(shop: Shop, receiver: Receiver) -> None:
    listen(shop, receiver)
    shop.control("POST", "hold")
    shop.v1.customers.create({"name": "Ada"})
    shop.v1.products.create({"name": "x"})
    assert states(shop) == ["held", "held"]
    assert shop.control("POST", "drop", types=["product.created"]) == {"deliveries": 1}
    assert receiver.received == []
    assert shop.control("POST", "release") == {"deliveries": 1}
    eventually(lambda: receiver.types() == ["customer.created"])
    event = shop.deliveries()[0]["event"]
    shop.control("POST", "deliver", event=event)
    eventually(lambda: receiver.types() == ["customer.created"] * 2)
    eventually(lambda: states(shop) == ["delivered", "dropped", "delivered"])


def test_one_kind_is_released_and_the_rest_goes_on_waiting(shop: Shop, receiver: Receiver) -> None:
    listen(shop, receiver)
    shop.control("POST", "hold")
    shop.v1.customers.create({"name": "Ada"})
    shop.v1.products.create({"name": "x"})
    assert shop.control("POST", "release", types=["product.created"]) == {"deliveries": 1}
    eventually(lambda: receiver.types() == ["product.created"])
    shop.v1.customers.create({"name": "Bob"})
    eventually(lambda: states(shop) == ["held", "delivered", "held"])


def test_holding_one_key_holds_no_other(standin: Process, shop: Shop, receiver: Receiver) -> None:
    shop.control("POST", "hold")
    other = Shop(standin.url, "sk_test_not_held_1")
    listen(other, receiver)
    other.v1.customers.create({"name": "Ada"})
    eventually(lambda: receiver.types() == ["customer.created"])


def test_a_kill_loses_neither_state_nor_events(own: Process, receiver: Receiver) -> None:
    own.stop()
    own.options = ("--delivery-retries", ",".join(["0.2"] * 1_000))  # so that it tries until it is killed
    own.start()
    shop = Shop(own.url, "sk_test_killed00001")
    listen(shop, receiver)
    receiver.statuses += [503] * 10_000
    session = shop.session()
    shop.pay(session)
    own.kill()
    receiver.statuses.clear()
    before = len(receiver.received)
    own.start()
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.status, done.subscription.status) == ("complete", "active")
    eventually(lambda: set(states(shop)) == {"delivered"})
    assert set(receiver.types()) == set(shop.types())
    assert len(receiver.received) > before


def test_a_kill_in_mid_call_leaves_no_half(own: Process) -> None:
    shop = Shop(own.url, "sk_test_killed00002")
    customer, price = shop.customer(), shop.price()
    before = shop.types()
    shop.control("POST", "faults", mode="slow", seconds=600, times=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(
            f"{own.url}/v1/subscriptions",
            data={"customer": customer.id, "items[0][price]": price.id},
            headers={"Authorization": f"Bearer {shop.key}", "Idempotency-Key": "k"},
            timeout=0.2,
        )
    own.kill()
    own.start()
    assert shop.types() == before
    wanted = {"customer": customer.id, "items": [{"price": price.id}]}
    assert shop.v1.subscriptions.create(wanted, {"idempotency_key": "k"}).status == "active"
    assert len(shop.v1.subscriptions.list().data) == 1


def test_the_endpoint_of_the_command_line_serves_keys_without_one(own: Process, receiver: Receiver) -> None:
    own.stop()
    own.options = ("--webhook", receiver.url, "--webhook-secret", "whsec_line")
    own.start()
    Shop(own.url, "sk_test_line000001").v1.customers.create({"name": "Ada"})
    eventually(lambda: receiver.types() == ["customer.created"])
    stripe.Webhook.construct_event(*receiver.received[0], "whsec_line")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(*receiver.received[0], "whsec_other")


def test_stripe_away(shop: Shop) -> None:
    shop.control("POST", "faults", mode="500", times=2)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as away:
            shop.v1.customers.create({"name": "Ada"})
        assert away.value.http_status == 500
    assert shop.v1.customers.create({"name": "Ada"}).name == "Ada"
    shop.control("POST", "faults", mode="timeout", seconds=0.05)
    with pytest.raises(stripe.APIConnectionError):
        shop.v1.customers.create({"name": "Ada"})
    shop.control("POST", "faults", mode="500", times=9)
    shop.control("DELETE", "faults")
    assert len(shop.v1.customers.list().data) == 1


def test_the_package_repeats_a_failed_call_once_only_in_effect(standin: Process, shop: Shop) -> None:
    shop.control("POST", "faults", mode="500", times=1)
    client = stripe.StripeClient(shop.key, base_addresses={"api": standin.url}, max_network_retries=2)
    client.v1.customers.create({"name": "Ada"})
    assert len(shop.v1.customers.list().data) == 1
    assert shop.control("GET", "calls")["calls"]["post /v1/customers"] == 2


def test_a_lost_answer_is_found_again_by_its_key(standin: Process, shop: Shop) -> None:
    shop.control("POST", "faults", mode="lost")
    client = stripe.StripeClient(shop.key, base_addresses={"api": standin.url}, max_network_retries=1)
    made = client.v1.customers.create({"name": "Ada"})
    assert [each.id for each in shop.v1.customers.list().data] == [made.id]


def test_a_fault_that_names_an_endpoint_waits_for_it(shop: Shop) -> None:
    shop.control("POST", "faults", mode="lost", endpoint="post /v1/customers")
    assert shop.v1.customers.list().data == []
    with pytest.raises(stripe.APIConnectionError):
        shop.v1.customers.create({"name": "Ada"})
    (made,) = shop.v1.customers.list().data
    shop.control("POST", "faults", mode="500", endpoint="post /v1/customers/{customer}")
    shop.v1.customers.create({"name": "Grace"})
    with pytest.raises(stripe.APIError):
        shop.v1.customers.update(made.id, {"name": "Lady Ada"})
    unknown = {"mode": "500", "endpoint": "post /v1/customers/cus_1"}
    assert shop.raw("POST", "/_standin/faults", json=unknown).status_code == 400


def test_a_lost_answer_without_a_key_is_done_twice(shop: Shop) -> None:
    """The control of the test above: nothing else than the key keeps it from doubling."""
    shop.control("POST", "faults", mode="lost")
    with pytest.raises(requests.ConnectionError):
        shop.raw("POST", "/v1/customers", data={"name": "Ada"})
    assert shop.raw("POST", "/v1/customers", data={"name": "Ada"}).ok
    assert len(shop.v1.customers.list().data) == 2


def test_too_many_calls(shop: Shop) -> None:
    shop.control("POST", "faults", mode="429")
    answer = shop.raw("GET", "/v1/customers")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json()["error"]["code"] == "rate_limit"
    assert answer.headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    shop.control("POST", "faults", mode="429")
    with pytest.raises(stripe.RateLimitError):
        shop.v1.customers.list()
    assert shop.v1.customers.list().data == []


def test_a_rate_holds_for_one_key_until_it_is_taken_away(standin: Process, shop: Shop) -> None:
    shop.control("POST", "faults", mode="rate", per_second=0)
    with pytest.raises(stripe.RateLimitError):
        shop.v1.customers.create({"name": "Ada"})
    Shop(standin.url, "sk_test_unlimited1").v1.customers.list()
    shop.control("POST", "faults", mode="rate", per_second=1_000)
    shop.v1.customers.create({"name": "Ada"})
    shop.control("POST", "faults", mode="rate", per_second=0)
    shop.control("DELETE", "faults")
    assert len(shop.v1.customers.list().data) == 1


def test_a_disabled_endpoint_gets_nothing_more_until_it_is_enabled(shop: Shop, receiver: Receiver) -> None:
    listen(shop, receiver, "customer.created")
    endpoint = shop.v1.webhook_endpoints.list().data[0].id
    shop.control("POST", "hold")
    shop.v1.customers.create({"name": "Ada"})
    assert shop.v1.webhook_endpoints.update(endpoint, {"disabled": True}).status == "disabled"
    shop.v1.customers.create({"name": "Bob"})
    shop.control("POST", "release")
    eventually(lambda: states(shop) == ["dropped"])
    shop.v1.webhook_endpoints.update(endpoint, {"disabled": False, "enabled_events": ["product.created"]})
    shop.v1.customers.create({"name": "Cyd"})
    shop.v1.products.create({"name": "x"})
    eventually(lambda: receiver.types() == ["product.created"])


def test_what_failed_is_tried_again_as_a_test_clock_goes_on_for_three_days(own: Process, receiver: Receiver) -> None:
    own.stop()
    own.options = ("--delivery-retries", "")  # none by the wall's clock
    own.start()
    shop = Shop(own.url, "sk_test_clocked0001")
    listen(shop, receiver, "customer.created")
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": START})
    receiver.statuses += [500] * 4
    shop.customer(card=None, test_clock=clock.id)
    shop.customer(card=None)  # by the wall's clock: nothing hastens it
    eventually(lambda: states(shop) == ["failed", "failed"])
    for after, tries in ((30, 1), (DAY, 2), (DAY + 30, 2), (2 * DAY, 3)):
        shop.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START + after})
        eventually(lambda: attempts(shop) == [tries, 1] and "sending" not in states(shop))  # noqa: B023 - asked at once
    shop.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START + 9 * DAY})
    eventually(lambda: states(shop) == ["delivered", "failed"])


def test_after_three_days_of_a_test_clock_it_is_given_up(own: Process, receiver: Receiver) -> None:
    own.stop()
    own.options = ("--delivery-retries", "")
    own.start()
    shop = Shop(own.url, "sk_test_clocked0002")
    listen(shop, receiver, "customer.created")
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": START})
    receiver.statuses += [500] * 2
    shop.customer(card=None, test_clock=clock.id)
    eventually(lambda: attempts(shop) == [1])
    for after, tries in ((4 * DAY, 2), (5 * DAY, 2), (30 * DAY, 2)):
        shop.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": START + after})
        eventually(lambda: attempts(shop) == [tries] and states(shop) == ["failed"])  # noqa: B023 - asked at once


def test_calls_are_counted(shop: Shop) -> None:
    shop.v1.customers.list()
    shop.v1.customers.list()
    assert shop.control("GET", "calls") == {"calls": {"get /v1/customers": 2}}
    shop.control("DELETE", "calls")
    assert shop.control("GET", "calls") == {"calls": {}}


def test_the_control_api_asks_for_a_key(standin: Process) -> None:
    assert requests.get(f"{standin.url}/_standin/deliveries", timeout=PATIENCE).status_code == 401


def test_it_starts_at_once(own: Process) -> None:
    """By the processor's time, since a machine that is busy may keep it waiting."""
    own.stop()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    own.start()
    own.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5  # seconds; it takes 0.4
