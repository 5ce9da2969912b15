"""Through the API's writing routes: the other's records changed, removed and added, with one's own key or a forged one.

Each aims at a record that is made for it and gone afterwards, and what came of it is seen from the other's side. Routes
that name no record, nor the collection, are left alone: who owns them would lose what the next run needs. So are those
of modules, since what one of them sends or writes elsewhere could not be taken back.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID

from saas.core.database import transaction
from tenants.backend.api.rest import blueprint as api
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


class Aim(NamedTuple):
    """One attempt: the path, with a record that is there for it alone where it names one, and what is sent."""

    path: str
    record: UUID | None
    as_made: str | None
    sent: str


def attempts(mine: Side, theirs: Side) -> Iterator[Attempt]:
    shown = set[str]()
    for method in METHODS:
        for path in routes.paths("api", theirs, method, blueprint=api.name):
            aims = str(theirs.record) in path or (method == "POST" and theirs.collection in path)
            if aims and _changes_its_own(method, path, theirs):
                shown.add(method)
                yield from _tried(method, path, mine, theirs)
    for method in sorted(PROVEN - shown):
        yield blind(CHANGES, method)


def _changes_its_own(method: str, path: str, theirs: Side) -> bool:
    """The control: the same by its owner, on another record."""
    with _aimed(path, theirs) as aim:
        _send(method, theirs.address, aim, theirs.entry.key)
        return _has_hit(aim, theirs)


def _tried(method: str, path: str, mine: Side, theirs: Side) -> Iterator[Attempt]:
    for tried, host, key in keys.combinations(mine, theirs):
        with _aimed(path, theirs) as aim:
            if aim.record is None and key == mine.entry.key and host != theirs.address:
                continue  # it names no record, so this is one's own
            label = f"{method} {path}, {tried}"
            answer = _send(method, host, aim, key).answer
            if _has_hit(aim, theirs):
                yield Attempt(CHANGES, label, Outcome.CROSSED, "its records are not as they were")
            else:
                yield judged(CHANGES, label, answer, theirs)


@contextmanager
def _aimed(path: str, theirs: Side) -> Iterator[Aim]:
    """Afterwards nothing is left of it. Another run may be at work beside this one, and its records stay."""
    record, as_made, sent = None, None, secrets.token_hex(16)
    if str(theirs.record) in path:
        with inside(theirs.tenant), transaction():
            values = {"marker": f"{theirs.sign}-{secrets.token_hex(8)}"}
            record = UUID(json.loads(records.create(collections.get(theirs.collection), values))["id"])
        as_made = _seen(theirs)[record]
    try:
        yield Aim(path.replace(str(theirs.record), str(record)), record, as_made, sent)
    finally:
        left = [found for found, text in _seen(theirs).items() if found == record or sent in text]
        with inside(theirs.tenant), transaction():
            for found in left:
                records.delete(collections.get(theirs.collection), found)


def _has_hit(aim: Aim, theirs: Side) -> bool:
    """Whether the record is gone or altered, or what was sent is there."""
    seen = _seen(theirs)
    altered = aim.record is not None and seen.get(aim.record) != aim.as_made
    return altered or any(aim.sent in text for text in seen.values())


def _send(method: str, host: str | None, aim: Aim, key: str) -> Response:
    return visiting.ask(method, host, aim.path, key=key, body={"marker": aim.sent})


def _seen(theirs: Side) -> dict[UUID, str]:
    """Its records, from its own side, each with all that it holds."""
    with inside(theirs.tenant):
        found = records.page(collections.get(theirs.collection), after=None, limit=records.MOST_PER_PAGE).records
        return {row["id"]: str(dict(row)) for row in found}
