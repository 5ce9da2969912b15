"""The page of the isolation probe's reports, and what all pages of the back office say when something crossed."""

from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue

from saas.console.door import blueprint
from tenants.probe import canaries, reports

RUNS = 50  # the newest

WAYS = {
    "pages": "A workspace's pages, with the other's ids",
    "sessions": "The other's host, with a session of one's own",
    "site": "Routes that are no workspace's",
    "keys": "The API, with a key of one's own or a forged one",
    "changes": "The API's writing routes, with such keys",
    "jobs": "A job that is given the other's ids",
    "rows": "The platform's tables, bound to one tenant",
    "caches": "What processes remember",
    "sql": "Injected SQL",
    "server": "SQL past the guard, which the server stops",
}


@blueprint.get("/isolation")
def isolation() -> ResponseReturnValue:
    runs = reports.newest(RUNS)
    return render_template("console/isolation.html", runs=runs, ways=WAYS, canaries=canaries.known())


@blueprint.context_processor
def _health() -> dict[str, Any]:
    """As a function, since the pages before the second factor don't ask."""
    return {"isolation_health": reports.health}
