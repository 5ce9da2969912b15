"""The addresses to try, from the application's own map, so that a new route is tried unaided."""

from collections.abc import Iterator
from itertools import chain, islice, product
from typing import Literal

from flask import current_app
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BuildError, MapAdapter, RequestRedirect, Rule

from tenants.members import permissions
from tenants.probe.sides import Side

Kind = Literal["page", "api", "site"]

MOST = 300  # addresses of one kind
MOST_OF_ONE = 4  # of one route
_NOBODYS = {"static", "health"}


def paths(kind: Kind, side: Side, method: str = "GET", *, blueprint: str = "") -> Iterator[str]:
    """Each route of a kind, or one blueprint's, that takes this method, with all that its arguments may name of a side.

    Of the kinds "page" (of a workspace) and "api" are those that ask for a permission; "site" is all the rest.
    """
    adapter = current_app.url_map.bind("localhost")
    rules = (rule for rule in current_app.url_map.iter_rules() if method in (rule.methods or ()))
    wanted = (rule for rule in rules if _kind(rule) == kind and blueprint in {"", rule.endpoint.partition(".")[0]})
    filled = (islice(_filled(rule, side, adapter, method), MOST_OF_ONE) for rule in wanted)
    yield from islice(chain.from_iterable(filled), MOST)


def _kind(rule: Rule) -> Kind | None:
    if rule.endpoint.partition(".")[0] in _NOBODYS:
        return None
    if permissions.of_endpoint(rule.endpoint) is None:
        return "site"
    return "api" if rule.rule.startswith("/api/") else "page"


def _filled(rule: Rule, side: Side, adapter: MapAdapter, method: str) -> Iterator[str]:
    names = sorted(rule.arguments - (rule.defaults or {}).keys())
    for values in product(side.things, repeat=len(names)):
        try:
            path = adapter.build(rule.endpoint, dict(zip(names, values, strict=True)), method)
            endpoint, _ = adapter.match(path, method)
        except (BuildError, ValueError, HTTPException, RequestRedirect):
            continue  # it takes no such value
        if endpoint == rule.endpoint:
            yield path
