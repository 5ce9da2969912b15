"""One visitor's browser: what it saw, what it complained of, and what holds on every page."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect
from werkzeug.exceptions import HTTPException

from saas.accounts import codes, service
from saas.accounts.models import Purpose
from saas.core.database import transaction
from tests.support.live import Running, eventually

WIDE, NARROW = 1280, 360
PATIENCE = 60_000  # milliseconds, on a machine that is busy
LOOKS = [("light", WIDE), ("dark", WIDE), ("dark", NARROW), ("light", NARROW)]  # a change of width is slow
_SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Only what was found comes back: all that axe has looked at would take longer to carry over than to look at.
_AXE = "axe.run({resultTypes: ['violations']}).then(found => found.violations)"
_BOTH = f"async () => [{_SIDEWAYS}, await {_AXE}]"


class Visit:
    """`check` runs on each page: one heading, no scrolling sideways, nothing that axe finds."""

    def __init__(self, app: Flask, running: Running, browser: Browser, scheme: Any, width: int) -> None:
        self.app, self.running, self.site = app, running, running.site
        self.seen: set[str] = set()  # endpoints
        self.complaints: list[str] = []
        self.expected = ("status of 4",)  # parts of what the console may say of a page, never of what it loads
        self._browser = browser
        self._look = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
        self.page = self._new_page()

    def beside(self) -> "Visit":
        """Another person, in a browser of their own; what it saw and complained of counts together with this one's."""
        look = self._look
        other = Visit(self.app, self.running, self._browser, look["color_scheme"], look["viewport"]["width"])
        other.seen, other.complaints = self.seen, self.complaints
        return other

    def home(self, address: str) -> str:
        """A workspace's origin."""
        return self.site.replace("://", f"://{address}.")

    def enter(self, email: str, url: str = "/workspaces?all=1") -> Page:
        """Sign in as somebody, on the bare host, and go to a page."""
        self.page.goto(self.site + self.link(email, "/workspaces?all=1"))
        return self.open(url)

    def open(self, url: str) -> Page:
        self.page.goto(url if "://" in url else self.site + url)
        self.check()
        return self.page

    def check(self) -> None:
        expect(self.page.locator("h1")).to_have_count(1)
        found = self._faults()
        assert not found, f"{self.page.url}:\n" + "\n".join(found)

    def check_all_looks(self) -> None:
        """The page as it is, in light and dark, wide and narrow; what is wrong is told at the end of the visit."""
        expect(self.page.locator("h1")).to_have_count(1)
        for scheme, width in LOOKS:
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            self.page.set_viewport_size({"width": width, "height": 900})
            self.complaints += [f"{self.page.url} ({scheme}, {width} px): {fault}" for fault in self._faults()]

    def click(self, name: str, *, exact: bool = True) -> None:
        self.page.get_by_role("button", name=name, exact=exact).click()
        self.page.wait_for_load_state()
        self.check()

    def mail(self, subject: str, email: str, path: str) -> str:
        """Open the newest mail of this subject from the mailbox; returns the link in it whose path has this part."""

        def arrived() -> bool:
            self.page.goto(f"{self.site}/dev/mailbox")
            return self.page.get_by_role("row").filter(has_text=email).filter(has_text=subject).count() > 0

        eventually(arrived)
        self.check()
        row = self.page.get_by_role("row").filter(has_text=email).filter(has_text=subject).first
        row.get_by_role("link").first.click()
        self.check()
        return self.page.locator(f"main a[href*='{path}']").first.get_attribute("href") or ""

    def link(self, email: str, path: str) -> str:
        """A one-time link, as the command line makes it."""
        with self.app.app_context(), transaction():
            return f"/link/{codes.issue(Purpose.LINK, service.by_email(email).id)}?next={path}"

    def _faults(self) -> list[str]:
        wide, found = self.page.evaluate(_BOTH)
        return ([f"scrolls sideways by {wide} px"] if wide > 0 else []) + _told(found)

    def _new_page(self) -> Page:
        # A network of its own, and no movement, in whose midst axe would find colours that nobody reads.
        network = {"X-Forwarded-For": ".".join(["10", "50", *(str(1 + secrets.randbelow(250)) for _ in range(2))])}
        context = self._browser.new_context(**self._look, extra_http_headers=network, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        context.add_init_script(AXE_SCRIPT)  # which is large, and sent once in this way
        page = context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("response", self._response)
        return page

    def _console(self, message: ConsoleMessage) -> None:
        of_a_page = "/static/" not in message.location.get("url", "")
        if of_a_page and any(part in message.text for part in self.expected):
            return
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _response(self, response: Response) -> None:
        parts = urlsplit(response.url)
        if parts.port != urlsplit(self.site).port:
            return
        try:
            endpoint, _ = self.app.url_map.bind(parts.netloc).match(parts.path, method=response.request.method)
        except HTTPException:
            return
        self.seen.add(endpoint)


@contextmanager
def visiting(
    app: Flask, running: Running, browser: Browser, scheme: Any = "light", width: int = WIDE
) -> Iterator[Visit]:
    """As somebody whom the browser does not know yet. At the end nothing may have been complained of."""
    expect.set_options(timeout=PATIENCE)
    visit = Visit(app, running, browser, scheme, width)
    try:
        yield visit
        assert not visit.complaints, "\n".join(visit.complaints)
    finally:
        for context in browser.contexts:
            context.close()


def violations(page: Page) -> list[str]:
    """What axe finds on the page: the rule, what it asks for, and where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return _told(page.evaluate(_AXE))


def _told(found: list[dict[str, Any]]) -> list[str]:
    return [f"{v['id']}: {v['help']}: {[node['target'] for node in v['nodes']][:5]}" for v in found]
