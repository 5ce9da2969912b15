"""Through the API: with one's own key and the other's ids or host, and with a key forged from the other's id."""

from collections.abc import Iterator

from tenants import isolation
from tenants.probe import routes, visiting
from tenants.probe.outcomes import Attempt, blind, judged
from tenants.probe.sides import Side

KEYS = "keys"


def attempts(mine: Side, theirs: Side) -> Iterator[Attempt]:
    shown = False
    for path in routes.paths("api", theirs):
        control = visiting.get(theirs.address, path, key=theirs.entry.key)
        if control.status >= 500:
            yield blind(KEYS, path, f"its owner is answered {control.status}")
        elif control.status < 300 and theirs.told_by(control.text):
            shown = shown or theirs.shown_in(control.text)
            for tried, host, key in combinations(mine, theirs):
                yield judged(KEYS, f"{path}, {tried}", visiting.get(host, path, key=key).answer, theirs)
    if not shown:
        yield blind(KEYS, "any address of the API")


def combinations(mine: Side, theirs: Side) -> Iterator[tuple[str, str | None, str]]:
    """Each in words, with the host, None for the bare one, and the key."""
    own, its = (side.tenant.removeprefix(isolation.PREFIX) for side in (mine, theirs))
    forged = mine.entry.key.replace(own, its)
    yield "with one's own key on one's own host", mine.address, mine.entry.key
    yield "with one's own key on the bare host", None, mine.entry.key
    yield "with one's own key on its host", theirs.address, mine.entry.key
    yield "with its id and one's own secret on its host", theirs.address, forged
    yield "with its id and one's own secret on the bare host", None, forged
