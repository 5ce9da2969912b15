"""What a person reads on a page."""

import html
import re

from saas.devstack.browser import Page

_TAG = re.compile(r"<[^>]+>")


def error_at(page: Page, field: str) -> str:
    """The message at a form's field; "" when the page says nothing there."""
    pattern = rf'<p[^>]*id="{re.escape(field)}-(?:error|verdict)"[^>]*>(.*?)</p>'
    found = re.search(pattern, page.text, re.DOTALL)
    return _plain(found[1]) if found else ""


def heading(page: Page) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page.text, re.DOTALL)
    return _plain(found[1]) if found else ""


def words(page: Page) -> str:
    """All of the page's text."""
    return _plain(page.text)


def _plain(markup: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", markup)).split())
