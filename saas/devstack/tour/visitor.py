"""Somebody with a browser and a terminal, who has just heard of Freehold."""

import json
import re
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any, TypeVar

import requests

from saas.devstack.browser import Browser, Page
from saas.devstack.tour.telling import Broken

WAIT = 45.0  # seconds for what a worker or a webhook does

Found = TypeVar("Found")

_KEY = re.compile(r"fh_test_[a-z2-7]{16}_[\w-]{43}")


class Visitor:
    def __init__(self, site: str) -> None:
        self.site = site
        mark = secrets.token_hex(3)
        self.business, self.address = f"Tour {mark}", f"tour-{mark}"
        self.email, self.password = f"{self.address}@example.com", secrets.token_urlsafe(9)
        self.browser, self.key = Browser(site), ""

    @property
    def home(self) -> str:
        return self.on(self.address)

    def on(self, address: str) -> str:
        """Where a business' pages are."""
        return self.site.replace("://", f"://{address}.")

    def sign_up(self) -> Page:
        form = self.browser.open("/sign-up")
        wanted = {"business": self.business, "address": self.address, "email": self.email, "password": self.password}
        page = self.browser.send(form, "", "business", **wanted)
        expect(page.status == 200 and page.url == f"{self.home}/home", f"the new workspace's page, not {_of(page)}")
        return page

    def define_orders(self) -> None:
        fields = {"label": "Orders", "name": "orders"}
        for number, (name, kind) in enumerate({"product": "text", "quantity": "number"}.items()):
            fields |= {f"fields__{number}__name": name, f"fields__{number}__kind": kind}
        page = self.browser.send(self.browser.open(f"{self.home}/collections/new"), "", "label", **fields)
        expect(page.status == 200, f"the collection's page, not {_of(page)}")

    def make_key(self) -> None:
        page = self.browser.send(self.browser.open(f"{self.home}/keys"), "/keys", "label", label="Tour")
        found = _KEY.search(page.text)
        if found is None:
            raise Broken(f"expected a key on {_of(page)}")
        self.key = found[0]

    def call(self, method: str, url: str, **sent: Any) -> requests.Response:
        return self.browser.request(method, url, headers={"Authorization": f"Bearer {self.key}"}, **sent)

    def orders(self, host: str = "") -> str:
        return f"{host or self.site}/api/v1/collections/orders/records"

    def add_order(self) -> tuple[str, str]:
        """The command line and what it printed."""
        order = json.dumps({"product": "Rye bread", "quantity": 2})
        headers = (f"Authorization: Bearer {self.key}", "Content-Type: application/json")
        words = ["curl", *(word for header in headers for word in ("-H", header)), "-d", order, self.orders()]
        shown = shlex.join(words)
        if curl := shutil.which("curl"):
            done = subprocess.run([curl, "-sS", *words[1:]], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
            return shown, done.stdout or done.stderr
        return shown, self.call("POST", self.orders(), json=json.loads(order)).text

    def reports(self) -> list[dict[str, Any]]:
        answer = self.call("GET", f"{self.site}/api/v1/collections/reports/records?limit=100")
        expect(answer.status_code == 200, f"the reports, not {answer.status_code}")
        found: list[dict[str, Any]] = answer.json()["data"]
        return found


def expect(held: bool, what: str) -> None:
    """Raises Broken unless it held."""
    if not held:
        raise Broken(f"expected {what}")


def wait_for(what: str, found: Callable[[], Found | None], seconds: float = WAIT) -> Found:
    """Poll until something is there. Raises Broken when it does not come."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > deadline:
            raise Broken(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)
    return value


def _of(page: Page) -> str:
    return f"{page.url} with status {page.status}"
