"""Through what processes remember: one side goes first, and the other asks for the same by the same name."""

import secrets
from collections.abc import Callable, Iterator

from flask import current_app

from saas.core import attempts as limits_of_attempts
from saas.core import crypto
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.probe.contexts import inside
from tenants.probe.outcomes import Answer, Attempt, Outcome, blind, judged
from tenants.probe.payloads import OWN
from tenants.probe.sides import Side
from tenants.usage.flows import Flows
from tenants.usage.limits import API_CALLS

CACHES = "caches"


def attempts(mine: Side, theirs: Side) -> Iterator[Attempt]:
    for tried, read in (("a statement that is remembered", _statement), ("a table that is remembered", _table)):
        if theirs.shown_in(read(theirs)):
            yield judged(CACHES, tried, Answer(read(mine)), theirs)
        else:
            yield blind(CACHES, tried)
    for tried, collide in (("a limit's key", _limit), ("calls not yet written down", _calls), ("a seal", _seal)):
        yield _compared(tried, collide, mine, theirs)


def _statement(side: Side) -> str:
    """The guard's verdict, SQLAlchemy's compiled form and the pooled connection are the same for both."""
    with inside(side.tenant) as session:
        return str(session.connection().exec_driver_sql(OWN).all())


def _table(side: Side) -> str:
    with inside(side.tenant):
        return str(records.page(collections.get(side.collection), after=None, limit=records.MOST_PER_PAGE).records)


_Collide = Callable[[Side, Side], tuple[bool, bool]]  # whether the first meets its own trace, and the second meets it


def _compared(tried: str, collide: _Collide, mine: Side, theirs: Side) -> Attempt:
    own, foreign = collide(theirs, mine)
    if foreign:
        return Attempt(CACHES, tried, Outcome.CROSSED, "what one side left is taken for the other's")
    return Attempt(CACHES, tried, Outcome.NOTHING if own else Outcome.BLIND)


def _limit(first: Side, second: Side) -> tuple[bool, bool]:
    """One attempt is allowed to each: the first uses its own up."""
    run = secrets.token_hex(8)

    def used_up(side: Side) -> bool:
        who = f"{run} {side.tenant}"
        return not limits_of_attempts.within("isolation.probe", who, limit=1, seconds=86_400)

    used_up(first)
    return used_up(first), used_up(second)


def _calls(first: Side, second: Side) -> tuple[bool, bool]:
    """Counted as a web process counts them, in an object of its own."""
    flows = Flows(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001  it starts a thread
    flows.count(first.tenant, API_CALLS)
    pending = flows.pending(first.tenant, API_CALLS) == 1, flows.pending(second.tenant, API_CALLS) > 0
    flows.flush()
    return pending


def _seal(first: Side, second: Side) -> tuple[bool, bool]:
    """What is sealed for one may not be opened as the other's."""
    sealed = crypto.seal(first.marker, first.tenant)

    def opens(side: Side) -> bool:
        try:
            return crypto.unseal(sealed, side.tenant) == first.marker
        except crypto.SealBroken:
            return False

    return opens(first), opens(second)
