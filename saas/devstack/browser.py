"""A browser without a screen, for tests and the smoke run: cookies per host, redirects, forms.

It connects to 127.0.0.1 whatever the URL's host is, since Python's resolver does not know `*.localhost`.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests

MOST_REDIRECTS = 10


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page:
    """One answer, with the URL as a person would see it."""

    def __init__(self, url: str, response: requests.Response) -> None:
        self.url = url
        self.response = response
        self.status = response.status_code
        self.text = response.text
        self.forms = _forms(url, response.text) if "html" in response.headers.get("Content-Type", "") else []

    def form(self, action: str = "", having: str = "") -> Form:
        """The form that posts to a path ending in `action` and has the field `having`; each may be left out."""
        for form in self.forms:
            if urlsplit(form.action).path.endswith(action) and (not having or having in form.fields):
                return form
        raise LookupError(f"no form {action or having!r} at {self.url} ({self.status}): {self.text[:300]}")


class Browser:
    """`forwarded_for` is the address that a proxy in front would name, where the server trusts one."""

    def __init__(self, site: str, forwarded_for: str | None = None) -> None:
        self.site = site
        self.session = requests.Session()
        self.session.trust_env = False
        self.headers = {"X-Forwarded-For": forwarded_for} if forwarded_for else {}

    def open(self, url: str, **options: Any) -> Page:
        """Get a page, following redirects as a browser does."""
        return self._follow("GET", url, options)

    def send(self, page: Page, action: str = "", having: str = "", /, **values: str) -> Page:
        """Fill in a form of the page and send it. Names with a dash are given with two underscores."""
        form = page.form(action, having)
        data = form.fields | {name.replace("__", "-"): value for name, value in values.items()}
        origin = "://".join(urlsplit(page.url)[:2])
        return self._follow("POST", form.action, {"data": data, "headers": {"Origin": origin}})

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """One exchange, without redirects."""
        parts = urlsplit(urljoin(self.site, url))
        port = f":{parts.port}" if parts.port else ""
        target = urlunsplit((parts.scheme, f"127.0.0.1{port}", parts.path, parts.query, ""))
        headers = {"Host": parts.netloc, **self.headers, **options.pop("headers", {})}
        return self.session.request(method, target, headers=headers, allow_redirects=False, timeout=30, **options)

    def _follow(self, method: str, url: str, options: dict[str, Any]) -> Page:
        url = urljoin(self.site, url)
        response = self.request(method, url, **options)
        for _ in range(MOST_REDIRECTS):
            if not response.is_redirect:
                return Page(url, response)
            url = urljoin(url, response.headers["Location"])
            response = self.request("GET", url)
        raise LookupError(f"too many redirects, the last to {url}")


class _FormParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.textarea: str | None = None
        self.select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(found.get("action", ""), found.get("method", "get").lower()))
        if tag == "option" and self.select and ("selected" in found or not self.forms[-1].fields[self.select]):
            self.forms[-1].fields[self.select] = found.get("value", "")
        if not self.forms or "name" not in found:
            return
        if tag == "textarea":
            self.textarea = found["name"]
            self.forms[-1].fields[self.textarea] = ""
        elif tag == "select":
            self.select = found["name"]
            self.forms[-1].fields[self.select] = ""
        elif tag == "input" and found.get("type") not in {"submit", "checkbox", "radio"}:
            self.forms[-1].fields[found["name"]] = found.get("value", "")
        elif tag == "input" and "checked" in found:
            self.forms[-1].fields[found["name"]] = found.get("value", "on")

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.forms[-1].fields[self.textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.select = None
        if tag == "textarea" and self.textarea:
            fields = self.forms[-1].fields  # HTML drops one line break right behind the start tag
            fields[self.textarea] = fields[self.textarea].removeprefix("\r").removeprefix("\n")
            self.textarea = None


def _forms(url: str, text: str) -> list[Form]:
    parser = _FormParser()
    parser.feed(text)
    for form in parser.forms:
        form.action = urljoin(url, form.action)  # without one, a form posts to its own page
    return [form for form in parser.forms if form.method == "post"]
