"""Through the API's writing routes: the other's records changed, removed and added, with one's own key or a forged one.

Each aims at a record that is made for it and gone afterwards, and what came of it is seen from the other's side. Routes
that name no record, nor the collection, are left alone: who owns them would lose what the next run needs.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from saas.core.database import transaction
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.probe import routes, visiting
from tenants.probe.contexts import inside
from tenants.probe.outcomes import Attempt, Outcome, blind, judged
from tenants.probe.sides import Side
from tenants.probe.visiting import Response
from tenants.probe.ways import keys

CHANGES = "changes"
METHODS = ("POST", "PUT", "PATCH", "DELETE")
PROVEN = {"POST", "PATCH", "DELETE"}  # what at least its owner must be able to do


def attempts(mine: Side, theirs: Side) -> Iterator[Attempt]:
    shown = set[str]()
    for method in METHODS:
        for path in routes.paths("api", theirs, method):
            if str(theirs.record) not in path and not (method == "POST" and theirs.collection in path):
                continue
            with _as_before(theirs):
                if _changes_its_own(method, path, theirs):
                    shown.add(method)
                    yield from _tried(method, path, mine, theirs)
    for method in sorted(PROVEN - shown):
        yield blind(CHANGES, method)


def _changes_its_own(method: str, path: str, theirs: Side) -> bool:
    """The control: the same by its owner, on another record."""
    aimed = _aimed(path, theirs)
    before = _seen(theirs)
    _send(method, theirs.address, aimed, theirs.entry.key)
    return _seen(theirs) != before


def _tried(method: str, path: str, mine: Side, theirs: Side) -> Iterator[Attempt]:
    aimed = _aimed(path, theirs)
    for tried, host, key in keys.combinations(mine, theirs):
        if aimed == path and key == mine.entry.key and host != theirs.address:
            continue  # it names no record, so this is one's own
        before, label = _seen(theirs), f"{method} {path}, {tried}"
        answer = _send(method, host, aimed, key).answer
        if _seen(theirs) == before:
            yield judged(CHANGES, label, answer, theirs)
        else:
            yield Attempt(CHANGES, label, Outcome.CROSSED, "its records are not as they were")


def _aimed(path: str, theirs: Side) -> str:
    """The path with a record that is there for this alone."""
    with inside(theirs.tenant), transaction():
        made = records.create(collections.get(theirs.collection), {"marker": f"{theirs.sign}-{secrets.token_hex(8)}"})
    return path.replace(str(theirs.record), json.loads(made)["id"])


def _send(method: str, host: str | None, path: str, key: str) -> Response:
    return visiting.ask(method, host, path, key=key, body={"marker": secrets.token_hex(16)})


@contextmanager
def _as_before(theirs: Side) -> Iterator[None]:
    """Remove afterwards whatever has been added."""
    known = _seen(theirs)
    try:
        yield
    finally:
        with inside(theirs.tenant), transaction():
            for added in _seen(theirs).keys() - known.keys():
                records.delete(collections.get(theirs.collection), added)


def _seen(theirs: Side) -> dict[UUID, str]:
    """Its records, from its own side, each with all that it holds."""
    with inside(theirs.tenant):
        found = records.page(collections.get(theirs.collection), after=None, limit=records.MOST_PER_PAGE).records
        return {row["id"]: str(dict(row)) for row in found}
