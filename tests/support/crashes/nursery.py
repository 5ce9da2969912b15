"""Processes to be killed, by the dozen: `python -m tests.support.crashes.nursery` forks one for each line it is given.

It has the application built and no connection open, so that a child costs no start. A line is JSON: an action, a point,
what happens there, a seed. The answer says whether the point was reached, and with which status the child ended.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import sqlalchemy as sa
from flask import Flask, current_app

from saas.app import create_app
from saas.core import administrator
from saas.core.observability import configure_logging
from saas.core.settings import current_settings, load
from tenants import building
from tests.support.crashes import points
from tests.support.crashes.actions import ACTIONS

KILL, TERMINATE, CRASH = "kill the process", "end its connection", "kill the server"


def main() -> None:
    settings = load()
    configure_logging(settings)  # to the standard error: the output is for answers
    app = create_app(settings)
    with app.app_context():
        building.blueprint()  # which imports Alembic, once for all children
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_hatch(app, json.loads(line))), flush=True)


def _hatch(app: Flask, wanted: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _live(app, wanted, writing)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        return {"hit": pipe.read() == b"!", "status": os.waitstatus_to_exitcode(status)}


def _live(app: Flask, wanted: dict[str, Any], pipe: int) -> None:
    action = ACTIONS[wanted["action"]]
    try:
        with app.app_context():
            act = _act(wanted["happens"], wanted.get("server"))

            def hit(connection: Any) -> None:
                os.write(pipe, b"!")
                act(connection)

            points.strike(wanted["point"], action.statement, hit, wanted["seed"])
            if wanted.get("careless"):
                _commit_each_step()
            action.run(*wanted.get("with", ()))
        os._exit(0)
    except BaseException:  # noqa: BLE001  a child must not go on as a second nursery
        traceback.print_exc()
        os._exit(3)


def _act(happens: str, server: str | None) -> points.Act:
    acts: dict[str, Callable[[], points.Act]] = {
        KILL: lambda: lambda _connection: os.kill(os.getpid(), signal.SIGKILL),
        TERMINATE: lambda: _terminating(str(server)),
        CRASH: lambda: lambda _connection: _crash(int(str(server))),
    }
    return acts[happens]()


def _terminating(superuser: str) -> points.Act:
    """By a connection that is open already."""
    other = psycopg2.connect(superuser)
    other.autocommit = True

    def terminate(connection: Any) -> None:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])

    return terminate


def _crash(postmaster: int) -> None:
    """As when the machine fails: the server and all that it has started, at once."""
    family = [postmaster, *_children(postmaster)]
    for process in family:
        os.kill(process, signal.SIGKILL)


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        fields = status.read_text().rpartition(")")[2].split()
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return found


def _commit_each_step() -> None:
    """What the rules forbid, for the control: no transaction around the steps of one tenant."""
    url = str(current_settings().database_admin_url)
    current_app.extensions[administrator._KEY] = sa.create_engine(url, isolation_level="AUTOCOMMIT")


if __name__ == "__main__":
    main()
