"""The addresses to try, from the application's own map, so that a new route is tried unaided."""

from collections.abc import Iterator
from itertools import islice, product
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


def paths(kind: Kind, side: Side) -> Iterator[str]:
    """Each GET route of a kind, with all that its arguments may name of one side.

    Of the kinds "page" (of a workspace) and "api" are those that ask for a permission; "site" is all the rest.
    """
    adapter = current_app.url_map.bind("localhost")
    rules = (rule for rule in current_app.url_map.iter_rules() if "GET" in (rule.methods or ()))
    yield from islice(
        (path for rule in rules if _kind(rule) == kind for path in islice(_filled(rule, side, adapter), MOST_OF_ONE)),
        MOST,
    )


def _kind(rule: Rule) -> Kind | None:
    if rule.endpoint.partition(".")[0] in _NOBODYS:
        return None
    if permissions.of_endpoint(rule.endpoint) is None:
        return "site"
    return "api" if rule.rule.startswith("/api/") else "page"


def _filled(rule: Rule, side: Side, adapter: MapAdapter) -> Iterator[str]:
    names = sorted(rule.arguments - (rule.defaults or {}).keys())
    for values in product(side.things, repeat=len(names)):
        try:
            path = adapter.build(rule.endpoint, dict(zip(names, values, strict=True)), "GET")
            endpoint, _ = adapter.match(path, "GET")
        except (BuildError, ValueError, HTTPException, RequestRedirect):
            continue  # it takes no such value
        if endpoint == rule.endpoint:
            yield path
