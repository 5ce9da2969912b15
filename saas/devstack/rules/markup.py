"""Templates obey the content security policy, and each form that posts carries its token."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from saas.devstack.rules.findings import Finding

RULE = "templates"
_ROOMS = ("saas", "tenants", "billing")

_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_KEYWORD = re.compile(r"\b(style|on(?:click|change|submit|input|load|focus|blur|key\w+|mouse\w+))\s*=(?!=)")
_TOKEN = re.compile(r"csrf|hidden_tag")
_DATA = {"application/json", "application/ld+json"}  # of a script that is data; the policy lets it be
_HARMLESS_METHODS = {"", "get", "dialog"}
_HTMX_POSTS = {"hx-post", "hx-put", "hx-patch", "hx-delete"}
_CODE_VALUES = ("javascript:", "js:")


def templates(root: Path) -> Iterator[Finding]:
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*.html")):
            yield from judge(path.relative_to(root).as_posix(), path.read_text("utf-8"))


def judge(path: str, text: str) -> Iterator[Finding]:
    """The findings of one template. Jinja's own tags are blanked out, so that what is left is plain HTML."""
    text = _COMMENT.sub(_blank, text)
    parser = _Parser()
    parser.feed(_JINJA.sub(_blank, text))
    parser.close()
    faults = [*parser.faults, *_in_expressions(text), *_without_token(parser.forms, text.splitlines())]
    yield from (Finding(path, line, RULE, message) for line, message in sorted(faults))


def _in_expressions(text: str) -> Iterator[tuple[int, str]]:
    """Attributes that are handed to a field or macro as keywords."""
    for tag in _JINJA.finditer(text):
        if match := _KEYWORD.search(tag.group()):
            line = text.count("\n", 0, tag.start() + match.start()) + 1
            yield line, f"{match.group(1)}= in an expression: use a class or a data- attribute"


def _without_token(forms: list[list[int]], lines: list[str]) -> Iterator[tuple[int, str]]:
    for first, *last in forms:
        if not _TOKEN.search("\n".join(lines[first - 1 : last[0] if last else None])):
            yield first, "a form that posts has a hidden field csrf_token with the value {{ csrf_token() }}"


def _blank(tag: re.Match[str]) -> str:
    """As many lines as before, so that positions stay; a value leaves a mark, maybe of an attribute."""
    mark = "x" if tag.group().startswith("{{") else " "
    return mark + "\n" * tag.group().count("\n")


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[tuple[int, str]] = []
        self.forms: list[list[int]] = []  # first line and, once it is closed, last line of each that posts
        self._in_posting_form = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, _ = self.getpos()
        values = {name: value or "" for name, value in attrs}
        self.faults += [(line, fault) for fault in _faults(tag, values)]
        if tag == "form":
            self._in_posting_form = _posts(values)
            self.forms += [[line]] if self._in_posting_form else []

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._in_posting_form:
            self.forms[-1].append(self.getpos()[0])
            self._in_posting_form = False


def _faults(tag: str, attributes: dict[str, str]) -> Iterator[str]:
    if tag == "script" and "src" not in attributes and attributes.get("type") not in _DATA:
        yield "inline script: put it in a file under static/"
    if tag == "style":
        yield "inline style sheet: put it in a file under static/"
    for name, value in attributes.items():
        if name == "style":
            yield "style=: use a class"
        if name.startswith("hx-on") or (name.startswith("on") and len(name) > len("on")):
            yield f"{name}=: the policy blocks it; listen from a file under static/"
        if value.strip().lower().startswith(_CODE_VALUES):
            yield f"{name}= holds code: the policy blocks it"


def _posts(attributes: dict[str, str]) -> bool:
    method = attributes.get("method", "").strip().lower()
    return method not in _HARMLESS_METHODS or bool(_HTMX_POSTS & attributes.keys())
