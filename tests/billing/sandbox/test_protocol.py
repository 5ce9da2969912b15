"""Stripe's protocol: endpoints, errors with code and param, keys, idempotency, lists, expand."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from billing.sandbox import app as stood_in  # its import fills the table of handlers
from billing.sandbox.config import Config
from billing.sandbox.faults import Faults
from billing.sandbox.protocol import calls, catalogue, params
from tests.support.standin import PATIENCE, ROOT, Process, Shop
from tests.support.threads import MOST_WAIT


def test_it_starts_without_the_platform_and_without_the_package_itself() -> None:
    text = "import sys, billing.sandbox.__main__; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"billing", "flask"} <= set(done.stdout.split())
    assert not {"saas", "tenants", "migrations", "stripe", "sqlalchemy"} & set(done.stdout.split())


def test_every_endpoint_of_the_package_resolves() -> None:
    found = catalogue.endpoints()
    assert len(found) >= 647
    for endpoint in found:
        path = endpoint.path.replace("{", "x").replace("}", "x")
        met = catalogue.find(endpoint.verb, path)
        assert met, endpoint
        assert met[0] is endpoint
        assert endpoint.module, endpoint
        module = __import__(endpoint.module, fromlist=[endpoint.params or ""])
        params.fields(getattr(module, endpoint.params or ""))


def test_what_is_stood_in_exists_at_stripe() -> None:
    assert stood_in
    known = {(endpoint.verb, endpoint.path) for endpoint in catalogue.endpoints()}
    assert len(calls.handled()) > 80
    assert set(calls.handled()) <= known


def test_what_stripe_has_and_the_stand_in_has_not_says_so(shop: Shop) -> None:
    with pytest.raises(stripe.APIError, match="this stand-in for it does not") as refused:
        shop.v1.quotes.create({"customer": "cus_x"})
    assert refused.value.http_status == 501
    with pytest.raises(stripe.InvalidRequestError) as wrong:  # its parameters are checked all the same
        shop.v1.quotes.create({"customer": "cus_x", "nonsense": 1})
    assert wrong.value.param == "nonsense"
    assert shop.raw("GET", "/v2/core/events").status_code == 501


def test_an_unknown_path_and_verb(shop: Shop) -> None:
    assert shop.raw("GET", "/v1/nonsense").status_code == 404
    answer = shop.raw("DELETE", "/v1/refunds/re_1")
    assert (answer.status_code, "It takes GET, POST" in answer.text) == (404, True)


_PRICE = {"currency": "usd", "unit_amount": "1", "product_data[name]": "x"}
_COUNT, _HISTORY = "recurring[interval_count]", "features[invoice_history][enabled]"
_PORTAL = {_HISTORY: "true", "default_return_url": "javascript:1"}
_MONTHLY = _PRICE | {"recurring[interval]": "month"}
_SESSION = {"mode": "subscription", "success_url": "http://a", "line_items[0][price]": "p"}


@pytest.mark.parametrize(
    ("path", "data", "code", "param"),
    [
        ("products", {}, "parameter_missing", "name"),
        ("products", {"name": ""}, "parameter_invalid_empty", "name"),
        ("products", {"name": "x", "nam": "y"}, "parameter_unknown", "nam"),
        ("products", {"name": "x", "active": "maybe"}, None, "active"),
        ("products", {"name[a]": "x"}, "parameter_invalid_string_empty", "name"),
        ("products", {"name": "x", "images": "y"}, None, "images"),
        ("products", {"name": "x", "type": "bad"}, None, "type"),
        ("prices", {"currency": "usd", "unit_amount": "ten"}, "parameter_invalid_integer", "unit_amount"),
        ("prices", {"currency": "usd", "unit_amount": "1", "product": "p"}, "resource_missing", "product"),
        ("prices", {"currency": "usd", "product_data[nam]": "p"}, "parameter_unknown", "product_data[nam]"),
        ("prices", {"currency": "usd", "recurring[interval]": "eon"}, None, "recurring[interval]"),
        ("prices", _PRICE | {"unit_amount": "-1"}, "parameter_invalid_integer", "unit_amount"),
        ("customers", {"test_clock": "clock_x"}, "resource_missing", "test_clock"),
        ("subscriptions", {"customer": "cus_x", "items[0][price]": "p"}, "resource_missing", "customer"),
        ("subscriptions", {"customer": "cus_x", "items[0][prise]": "p"}, "parameter_unknown", "items[0][prise]"),
        ("prices", _PRICE | {"unit_amount": "1_0"}, "parameter_invalid_integer", "unit_amount"),
        ("prices", _PRICE | {"unit_amount": "9" * 400}, "parameter_invalid_integer", "unit_amount"),
        ("prices", _MONTHLY | {_COUNT: "0"}, "parameter_invalid_integer", _COUNT),
        ("test_helpers/test_clocks", {"frozen_time": "9" * 15}, "parameter_invalid_integer", "frozen_time"),
        ("customers", {"metadata[a]": "x" * 501}, None, "metadata[a]"),
        ("customers", {"metadata[" + "x" * 41 + "]": "a"}, None, "metadata"),
        ("customers", {f"metadata[{number}a]": "b" for number in range(51)}, None, "metadata"),
        ("webhook_endpoints", {"url": "ftp://a", "enabled_events[0]": "*"}, "url_invalid", "url"),
        ("webhook_endpoints", {"url": "http://a", "enabled_events[0]": "bad"}, None, "enabled_events[0]"),
        ("billing_portal/configurations", _PORTAL | {_HISTORY: "1"}, None, _HISTORY),
        ("billing_portal/configurations", _PORTAL, "url_invalid", "default_return_url"),
        ("checkout/sessions", _SESSION | {"cancel_url": "javascript:1"}, "url_invalid", "cancel_url"),
        ("checkout/sessions", _SESSION | {"success_url": "/a"}, "url_invalid", "success_url"),
        ("checkout/sessions", {"mode": "subscription", "success_url": "http://a"}, "parameter_missing", "line_items"),
        ("refunds", {"payment_intent": "pi_x"}, "resource_missing", "payment_intent"),
        ("customers", {"a[b": "c"}, "parameter_unknown", "a[b"),
        ("customers", {"name": "x", "name[a]": "c"}, None, "name[a]"),
    ],
)  # fmt: skip
def test_a_bad_parameter_is_named(shop: Shop, path: str, data: dict[str, str], code: str | None, param: str) -> None:
    answer = shop.raw("POST", f"/v1/{path}", data=data)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error.get("code"), error.get("param")) == (code, param), error
    assert error["message"]
    assert not code or error["doc_url"].endswith(code.replace("_", "-"))
    assert shop.types() == []


def test_what_is_missing_is_404_in_the_path(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_x'") as refused:
        shop.v1.customers.retrieve("cus_x")
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (404, "resource_missing", "id")


@pytest.mark.parametrize(
    ("wanted", "param"),
    [
        ({"items": [{"quantity": -1}]}, "items[0][quantity]"),
        ({"items": [{"quantity": 10**9}]}, "items[0][quantity]"),
        ({"trial_period_days": 0}, "trial_period_days"),
        ({"trial_period_days": 10_000}, "trial_period_days"),
        ({"trial_end": 1}, "trial_end"),
        ({"trial_end": 10**14}, "trial_end"),
        ({"items": [{"price": "price_x"}]}, "items[0][price]"),
        ({"default_payment_method": "pm_x"}, "default_payment_method"),
    ],
)
def test_a_subscription_that_makes_no_sense_is_refused(shop: Shop, wanted: dict[str, Any], param: str) -> None:
    price = shop.price()
    items = [{"price": price.id} | item for item in wanted.get("items", [{}])]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.subscription(shop.customer(), price, **wanted | {"items": items})
    assert refused.value.param == param
    assert shop.v1.subscriptions.list({"status": "all"}).data == []


def test_a_parameter_that_would_be_passed_over_is_refused(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price()
    with pytest.raises(stripe.APIError, match="does not do the parameter transfer_data"):
        shop.subscription(customer, price, transfer_data={"destination": "acct_x"})
    assert shop.v1.subscriptions.list().data == []


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (None, "You did not provide an API key"),
        ("Bearer sk_live_12345678", "it takes no live key"),
        ("Bearer pk_test_12345678", "Invalid API Key provided: pk_test"),
        ("Basic !!!", "You did not provide an API key"),
    ],
)
def test_without_a_key_for_tests_nothing_is_done(standin: Process, header: str | None, words: str) -> None:
    headers = {"Authorization": header} if header else {}
    answer = requests.get(f"{standin.url}/v1/customers", headers=headers, timeout=PATIENCE)
    assert answer.status_code == 401
    assert words in answer.json()["error"]["message"]


def test_a_key_by_basic_authentication_and_the_headers_of_an_answer(shop: Shop) -> None:
    answer = requests.get(f"{shop.url}/v1/customers", auth=(shop.key, ""), timeout=PATIENCE)
    assert answer.ok
    assert answer.headers["Request-Id"].startswith("req_")
    assert answer.headers["Stripe-Version"] == "2026-10-28.endive"
    told = shop.raw("GET", "/v1/customers", headers={"Stripe-Version": "2020-08-27"})
    assert told.headers["Stripe-Version"] == "2020-08-27"


def test_two_keys_share_nothing(standin: Process, shop: Shop) -> None:
    other = Shop(standin.url, "sk_test_other000001")
    customer, session = shop.customer(), shop.session()
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        other.v1.customers.retrieve(customer.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        other.session(customer=customer.id)
    with pytest.raises(stripe.InvalidRequestError):
        other.v1.checkout.sessions.expire(session.id)
    assert customer.id not in {each.id for each in other.v1.customers.list().data}


def test_the_same_key_and_request_is_done_once(shop: Shop) -> None:
    answers = [
        shop.raw("POST", "/v1/customers", data={"name": "Ada"}, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert "Idempotent-Replayed" not in answers[0].headers
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert answers[1].headers["Original-Request"] == answers[0].headers["Request-Id"]
    assert len(shop.v1.customers.list().data) == 1
    assert shop.v1.events.list({"type": "customer.created"}).data[0].request.idempotency_key == "k"


def test_without_a_key_it_is_done_twice(shop: Shop) -> None:
    for _ in range(2):
        shop.v1.customers.create({"name": "Ada"})
    assert len(shop.v1.customers.list().data) == 2


def test_the_same_key_with_another_request_is_refused(shop: Shop) -> None:
    shop.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError) as refused:
        shop.v1.customers.create({"name": "Bob"}, {"idempotency_key": "k"})
    assert refused.value.http_status == 400
    assert len(shop.v1.customers.list().data) == 1


def test_a_bad_request_does_not_use_its_key_up_but_a_decline_does(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.customers.create({"nam": "Ada"}, {"idempotency_key": "k"})
    assert shop.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"}).name == "Ada"
    customer = shop.customer(card=None)
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refused:
            shop.v1.payment_methods.attach(
                "pm_card_chargeDeclined", {"customer": customer.id}, {"idempotency_key": "d"}
            )
    assert (refused.value.headers or {})["Idempotent-Replayed"] == "true"


def test_a_key_in_use_is_a_conflict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where the first call can be kept from ending until the second was answered."""
    begun, goes_on = threading.Event(), threading.Event()

    def wait(_faults: Faults, _account: str, _call: str) -> None:
        begun.set()
        assert goes_on.wait(MOST_WAIT)

    def call(verb: str) -> Any:
        headers = {"Authorization": "Bearer sk_test_in_use0001", "Idempotency-Key": "k"}
        data = {"name": "Ada"} if verb == "POST" else None
        return app.test_client().open("/v1/customers", method=verb, data=data, headers=headers)

    monkeypatch.setattr(Faults, "meet", wait)
    config = Config(tmp_path / "state.sqlite", "http://127.0.0.1:9")
    with stood_in.running(config) as app, ThreadPoolExecutor(1) as pool:
        first = pool.submit(call, "POST")
        assert begun.wait(MOST_WAIT)
        second = call("POST")
        goes_on.set()
        assert (first.result(MOST_WAIT).status_code, second.status_code) == (200, 409)
        assert call("POST").status_code == 200
        assert len(call("GET").json["data"]) == 1


def test_lists_come_in_pages(shop: Shop) -> None:
    made = [shop.v1.customers.create({"name": str(number)}).id for number in range(5)][::-1]
    page = shop.v1.customers.list({"limit": 2})
    assert ([each.id for each in page.data], page.has_more) == (made[:2], True)
    page = shop.v1.customers.list({"limit": 2, "starting_after": made[1]})
    assert ([each.id for each in page.data], page.has_more) == (made[2:4], True)
    page = shop.v1.customers.list({"limit": 2, "starting_after": made[3]})
    assert ([each.id for each in page.data], page.has_more) == (made[4:], False)
    page = shop.v1.customers.list({"limit": 2, "ending_before": made[4]})
    assert ([each.id for each in page.data], page.has_more) == (made[2:4], True)
    assert [each.id for each in shop.v1.customers.list({"limit": 2}).auto_paging_iter()] == made
    assert shop.v1.customers.list({"created": {"gt": 4_000_000_000}}).data == []
    for wrong in ({"limit": 0}, {"limit": 101}, {"starting_after": "cus_x"}):
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.customers.list(wrong)


def test_ids_are_expanded_nested_and_in_lists(shop: Shop) -> None:
    made = shop.subscription()
    found = shop.v1.subscriptions.list(
        {"expand": ["data.customer", "data.latest_invoice.payments.data.payment.payment_intent"]}
    )
    assert found.data[0].customer.email == "ada@example.com"
    assert found.data[0].latest_invoice.payments.data[0].payment.payment_intent.status == "succeeded"
    assert isinstance(shop.v1.subscriptions.retrieve(made.id).customer, str)
    assert shop.v1.subscriptions.retrieve(made.id, {"expand": ["schedule"]}).schedule is None
    for wrong in ("customre", "id", "latest_invoice.nonsense", "data.customer"):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded") as refused:
            shop.v1.subscriptions.retrieve(made.id, {"expand": [wrong]})
        assert refused.value.param == "expand[0]"


def test_search_by_metadata(shop: Shop) -> None:
    made = shop.v1.customers.create({"metadata": {"tenant": "it's"}, "email": "a@example.com"})
    shop.v1.customers.create({"metadata": {"tenant": "2"}, "email": "a@example.com"})
    found = shop.v1.customers.search({"query": "metadata['tenant']:'it\\'s' AND email:'a@example.com'"})
    assert [each.id for each in found.data] == [made.id]
    assert len(shop.v1.customers.search({"query": "email~'EXAMPLE'"}).data) == 2
    assert len(shop.v1.customers.search({"query": "-metadata['tenant']:'2'"}).data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="parse"):
        shop.v1.customers.search({"query": "what?"})


def test_a_lookup_key_names_one_price_and_moves_on_request(shop: Shop) -> None:
    old = shop.price(lookup_key="growth")
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        shop.price(3900, lookup_key="growth")
    new = shop.price(3900, lookup_key="growth", transfer_lookup_key=True)
    assert [each.id for each in shop.v1.prices.list({"lookup_keys": ["growth"]}).data] == [new.id]
    assert shop.v1.prices.retrieve(old.id).lookup_key is None
    shop.v1.prices.update(old.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        shop.session(old)


def test_metadata_is_merged_and_emptied(shop: Shop) -> None:
    made = shop.v1.products.create({"name": "x", "metadata": {"a": "1", "b": "2"}})
    assert shop.v1.products.update(made.id, {"metadata": {"a": "", "c": "3"}}).metadata.to_dict() == {
        "b": "2",
        "c": "3",
    }
    assert shop.v1.products.update(made.id, {"metadata": ""}).metadata.to_dict() == {}


def test_many_calls_at_once_are_all_kept(shop: Shop) -> None:
    failed: list[BaseException] = []

    def create() -> None:
        try:
            for _ in range(5):
                shop.v1.customers.create({"name": "Ada"})
        except stripe.StripeError as error:
            failed.append(error)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(shop.v1.customers.list({"limit": 100}).data) == 30
