"""The stand-in for Stripe as a process, a shop that calls it with the stripe package, and a receiver of webhooks."""

import html
import http.server
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
import stripe

from tests.support.live import eventually

ROOT = Path(__file__).parents[2]
SUCCESS = "http://127.0.0.1:9/done?session={CHECKOUT_SESSION_ID}"
CANCEL = "http://127.0.0.1:9/back"
VISA, DECLINED = "4242424242424242", "4000000000000002"
PATIENCE = 60  # seconds, with a process on a machine that is busy


class Process:
    """`python -m billing.sandbox` on a port that stays the same after a restart."""

    def __init__(self, state: Path, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.state, self.options = state, options
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = state.with_suffix(".log")

    def start(self) -> None:
        command = ["-m", "billing.sandbox", "--port", str(self.port), "--state", str(self.state)]
        retries = ["--delivery-retries", "0.05,0.05,0.1,0.2,0.4,1,1,1,1,1,1"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command, *retries, *self.options], cwd=ROOT, stdout=log, stderr=log
            )
        eventually(self._answers)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with suppress(requests.ConnectionError, requests.Timeout):
            return requests.get(f"{self.url}/_standin/health", timeout=5).ok
        return False


class Receiver:
    """A webhook endpoint that keeps what arrives; `statuses` are its next answers, then 200."""

    def __init__(self) -> None:
        received: list[tuple[bytes, str]] = []
        statuses: list[int] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if len(body) < int(self.headers["Content-Length"]):
                    return  # the sender was killed in the middle of it
                status = statuses.pop(0) if statuses else 200
                received.append((body, self.headers["Stripe-Signature"]))  # before the sender can call it delivered
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
                pass

        self.received, self.statuses = received, statuses
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in list(self.received)]


@dataclass
class Shop:
    """One API key and what can be done with it."""

    url: str
    key: str
    client: stripe.StripeClient = field(init=False)
    web: requests.Session = field(init=False, default_factory=requests.Session)  # its connections stay open

    def __post_init__(self) -> None:
        self.client = stripe.StripeClient(self.key, base_addresses={"api": self.url}, max_network_retries=0)

    @property
    def v1(self) -> Any:
        return self.client.v1

    def price(self, amount: int = 2900, interval: str = "month", **more: Any) -> Any:
        product = self.v1.products.create({"name": f"Plan for {amount}"})
        recurring = {"interval": interval}
        return self.v1.prices.create(
            {"product": product.id, "currency": "usd", "unit_amount": amount, "recurring": recurring, **more}
        )

    def customer(self, card: str | None = "pm_card_visa", **more: Any) -> Any:
        made = self.v1.customers.create({"email": "ada@example.com", "name": "Ada", **more})
        if card:
            method = self.v1.payment_methods.attach(card, {"customer": made.id})
            settings = {"default_payment_method": method.id}
            made = self.v1.customers.update(made.id, {"invoice_settings": settings})
        return made

    def subscription(self, customer: Any = None, price: Any = None, **more: Any) -> Any:
        customer, price = customer or self.customer(), price or self.price()
        return self.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}], **more})

    def session(self, price: Any = None, **more: Any) -> Any:
        items = [{"price": (price or self.price()).id, "quantity": 1}]
        wanted = {"mode": "subscription", "line_items": items, "success_url": SUCCESS, "cancel_url": CANCEL}
        return self.v1.checkout.sessions.create(wanted | more)

    def pay(self, session: Any, number: str = VISA, **more: str) -> requests.Response:
        """Fill in the Checkout page's form and send it."""
        return send(session.url, number=number, **more)

    def types(self) -> list[str]:
        """The kinds of all events so far, the oldest first."""
        return [event["type"] for event in reversed(self.raw("GET", "/v1/events?limit=100").json()["data"])]

    def raw(self, verb: str, path: str, key: str | None = None, **options: Any) -> requests.Response:
        """A call without the package, as other programs make it."""
        headers = {"Authorization": f"Bearer {key or self.key}"} | options.pop("headers", {})
        return self.web.request(verb, self.url + path, headers=headers, timeout=PATIENCE, **options)

    def control(self, verb: str, path: str, **given: Any) -> Any:
        answer = self.raw(verb, f"/_standin/{path}", json=given)
        answer.raise_for_status()
        return answer.json()

    def deliveries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "deliveries")["deliveries"]
        return found


def send(url: str, button: dict[str, str] | None = None, **values: str) -> requests.Response:
    """Open a page, fill in its form, send it; the answer before any redirect."""
    return submit(opened(url), button, **values)


def opened(url: str) -> requests.Response:
    page = requests.get(url, timeout=PATIENCE)
    assert page.ok, page.text
    return page


def entered(url: str, **form: str) -> requests.Response:
    """Send the form of a Checkout page's promotion code."""
    token = dict(_hidden(opened(url).text))["csrf_token"]
    return requests.post(f"{url}/code", data={"csrf_token": token, **form}, allow_redirects=False, timeout=PATIENCE)


def submit(page: requests.Response, button: dict[str, str] | None = None, **values: str) -> requests.Response:
    """Fill in a page's form and send it; the answer before any redirect."""
    card = {"email": "ada@example.com", "expiry": "12/34", "cvc": "123", "name": "Ada Lovelace"}
    data = dict(_hidden(page.text)) | card | values | (button or {})
    return requests.post(_action(page), data=data, allow_redirects=False, timeout=PATIENCE)


def said(page: requests.Response, field: str) -> str:
    """The message at a field, or "" ."""
    found = re.search(rf'id="{field}-error">(?:<p>)?(.*?)</p>', page.text, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def _hidden(text: str) -> Iterator[tuple[str, str]]:
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text):
        yield name, html.unescape(value)


def _action(page: requests.Response) -> str:
    found = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert found, page.text
    return "/".join(page.url.split("/")[:3]) + html.unescape(found[1])
