"""Through a workspace's pages: with one's own session and the other's ids, and with that on the other's host."""

from collections.abc import Iterator

from saas.accounts import sessions
from tenants.probe import routes, visiting
from tenants.probe.outcomes import Attempt, blind, judged
from tenants.probe.sides import Side
from tenants.probe.visiting import Response

PAGES, SESSIONS = "pages", "sessions"


def attempts(mine: Side, theirs: Side) -> Iterator[Attempt]:
    shown = False
    for path in routes.paths("page", theirs):
        control = _open(theirs, path, theirs.entry.workspace)
        if control.status >= 500:
            yield blind(PAGES, path, f"its owner is answered {control.status}")
        elif control.status < 300 and theirs.told_by(control.text):
            shown = shown or theirs.shown_in(control.text)
            yield from _tried(path, mine, theirs)
    if not shown:
        yield from (blind(way, "any page") for way in (PAGES, SESSIONS))


def _tried(path: str, mine: Side, theirs: Side) -> Iterator[Attempt]:
    yield judged(PAGES, path, _open(mine, path, mine.entry.workspace).answer, theirs)
    for kind, secret in (("workspace", mine.entry.workspace), ("site", mine.entry.site)):
        answer = _open(theirs, path, secret).answer
        yield judged(SESSIONS, f"{path}, on its host with a cookie of the {kind}", answer, theirs)


def _open(host: Side, path: str, secret: str) -> Response:
    return visiting.get(host.address, path, cookies={sessions.WORKSPACE: secret})
