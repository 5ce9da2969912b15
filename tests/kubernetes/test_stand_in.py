"""In `try` the platform and the stand-in for Stripe fit together."""

from flask import Flask

from billing.sandbox.protocol.keys import key_of
from tests.kubernetes.manifests import Manifests, command
from tests.kubernetes.rules.processes import environment


def stand_in(manifests: Manifests) -> list[str]:
    containers = manifests.workload("web").containers
    return command(next(one for one in containers if one["name"] == "stripe"))


def test_it_takes_the_platforms_key(rendered: dict[str, Manifests]) -> None:
    key = environment(rendered["try"], rendered["try"].workload("web").main)["STRIPE_SECRET_KEY"]
    assert key_of(f"Bearer {key}") == key


def test_it_signs_with_what_the_platform_verifies(rendered: dict[str, Manifests]) -> None:
    web = rendered["try"].workload("web")
    other = next(one for one in web.containers if one["name"] == "stripe")
    signed = environment(rendered["try"], other)["STRIPE_STANDIN_WEBHOOK_SECRET"]
    assert signed.startswith("whsec_")
    assert signed == environment(rendered["try"], web.main)["STRIPE_WEBHOOK_SECRET"]


def test_its_webhooks_go_to_a_page_of_the_platform(rendered: dict[str, Manifests], app: Flask) -> None:
    words = stand_in(rendered["try"])
    url = words[words.index("--webhook") + 1]
    origin = "http://127.0.0.1:8000"  # a host that the site answers to outside production, at the port of the same pod
    assert url.startswith(f"{origin}/")
    app.url_map.bind("127.0.0.1").match(url.removeprefix(origin), method="POST")


def test_the_pages_let_a_browser_go_to_it(rendered: dict[str, Manifests]) -> None:
    words = stand_in(rendered["try"])
    public = words[words.index("--public-url") + 1]
    assert environment(rendered["try"], rendered["try"].workload("web").main)["STRIPE_API_URL"] == public


def test_the_other_processes_find_it_where_its_service_is(rendered: dict[str, Manifests]) -> None:
    tried = rendered["try"]
    service = tried.find("Service", "stripe")
    assert service
    (port,) = service["spec"]["ports"]
    url = environment(tried, tried.workload("worker-fast").main)["STRIPE_API_URL"]
    assert url == f"http://{service['metadata']['name']}:{port['port']}"
