"""The platform's processes by the dozen, to be killed: `python -m tests.support.killing.nursery` forks them.

Each is what `worker.py` or granian runs; only the imports and the building of the application, which take seconds, have
been done before. A line is JSON; so is each answer.
"""

from tests.support.killing import clock

OFF = clock.put_off()  # before anything else is imported

# ruff: noqa: E402

import json
import os
import signal
import sys
import traceback
from typing import Any

import granian.cli
from flask import Flask

from saas.app import create_app
from saas.cli import work
from saas.core import orphans
from saas.core.observability import configure_logging
from saas.core.settings import load
from tests.support.killing import own_clock, points, views
from tests.support.killing.fates import Fate

GRANIAN = "--interface wsgi --host 127.0.0.1 --workers 1 --blocking-threads 16"
SITE = "tests.support.killing.site:app"


def main() -> None:
    settings = load()
    configure_logging(settings)  # to the standard error: the output is for answers
    app = create_app(settings)
    views.plant(app)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: whoever started this ends it
    _answer(ready=True)
    for line in sys.stdin:
        wanted = json.loads(line)
        if wanted["do"] == "start":
            _answer(pid=_start(app, wanted))
        else:
            _answer(status=_status(wanted["pid"]))
    os._exit(0)  # whoever started this waits for it


def _start(app: Flask, wanted: dict[str, Any]) -> int:
    nursery = os.getpid()
    if child := os.fork():
        return child
    try:
        os.setsid()
        orphans.die_with_parent(nursery)
        _redirect(wanted["log"])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if wanted["fate"]:
            points.install(Fate(**wanted["fate"]), wanted["ledger"])
        if wanted["own_clock"]:
            own_clock.install()
        _live(app, wanted["command"])
    except SystemExit as ended:
        os._exit(ended.code if isinstance(ended.code, int) else int(bool(ended.code)))
    except BaseException:  # noqa: BLE001  a child must not go on as a second nursery
        traceback.print_exc()
        os._exit(3)
    os._exit(0)


def _live(app: Flask, command: list[str]) -> None:
    if command[0] == "web":
        granian.cli.cli([*GRANIAN.split(), "--port", command[1], SITE], standalone_mode=False)
    else:
        work(command, obj=lambda _settings: app, standalone_mode=False)


def _status(pid: int) -> int | None:
    """None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _redirect(log: str) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for descriptor, target in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(descriptor, target)


def _answer(**what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
