"""Through all routes that ask for no permission of a workspace: the bare host's, the back office's, anybody's."""

from collections.abc import Iterator

from saas.accounts import sessions
from tenants.probe import routes, visiting
from tenants.probe.outcomes import Attempt, blind, judged
from tenants.probe.sides import Side
from tenants.probe.visiting import Response

SITE = "site"
OWN = "/workspaces?all=1"  # where its owner finds its name


def attempts(mine: Side, theirs: Side) -> Iterator[Attempt]:
    control = _open(None, OWN, theirs)
    if not theirs.told_by(control.text):
        yield blind(SITE, OWN)
        return
    for path in routes.paths("site", theirs):
        for host in (None, mine.address, theirs.address):
            yield judged(SITE, f"{path}, {_where(host, theirs)}", _open(host, path, mine).answer, theirs)


def _open(host: str | None, path: str, who: Side) -> Response:
    cookies = {sessions.SITE: who.entry.site, sessions.WORKSPACE: who.entry.workspace}
    return visiting.get(host, path, cookies=cookies)


def _where(host: str | None, theirs: Side) -> str:
    if host is None:
        return "on the bare host"
    return "on its host" if host == theirs.address else "on one's own host"
