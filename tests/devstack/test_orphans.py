"""A killed granian master takes its worker along, so that the port is free for the next one."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.devstack.conftest import PATIENCE

Launch = Callable[..., "subprocess.Popen[str]"]
Eventually = Callable[[Callable[[], object]], bool]

ROOT = Path(__file__).parents[2]
APP = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"served"]
"""
DEFENCE = "from saas.core.orphans import die_with_parent\ndie_with_parent()\n"
GRANIAN = ("-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--workers", "1", "app:app")


@pytest.fixture
def serve(launch: Launch, tmp_path: Path, eventually: Eventually) -> Callable[[str], tuple[Any, int]]:
    """Serve an application of the given text; returns master and port when it answers."""

    def start(text: str) -> tuple[Any, int]:
        (tmp_path / "app.py").write_text(text)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        master = launch(sys.executable, *GRANIAN, "--port", port, cwd=tmp_path, PYTHONPATH=str(ROOT))
        assert eventually(lambda: answers(port))
        return master, port

    return start


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return b"200" in connection.recv(64)
    except OSError:
        return False


def test_a_killed_master_leaves_no_worker(serve: Any, pids: Any, eventually: Eventually) -> None:
    master, port = serve(DEFENCE + APP)
    workers = pids.below(master.pid)
    assert workers
    master.kill()
    master.wait()
    assert eventually(lambda: not pids.alive(workers))
    assert not answers(port)


def test_control_without_the_defence_the_worker_keeps_the_port(serve: Any, pids: Any, eventually: Eventually) -> None:
    master, port = serve(APP)
    workers = pids.below(master.pid)
    try:
        master.kill()
        master.wait()
        assert pids.alive(workers) == workers
        assert eventually(lambda: answers(port))
    finally:
        pids.kill(workers)
    assert eventually(lambda: not pids.alive(workers))


WITHOUT_PRCTL = """
import os, sys, time
from saas.core import orphans
sys.platform = sys.argv[1]
parent = os.getpid()
pid = os.fork()
if pid:
    print(pid, flush=True)
    time.sleep(600)
orphans.die_with_parent(parent)
time.sleep(600)
"""


@pytest.mark.parametrize("platform", [sys.platform, "a system without prctl"])
def test_a_forked_child_that_knows_its_parent_dies_with_it(
    platform: str, python: Launch, pids: Any, eventually: Eventually
) -> None:
    parent = python(WITHOUT_PRCTL, platform)
    assert parent.stdout
    child = int(parent.stdout.readline())
    try:
        assert pids.alive([child])
        parent.kill()
        parent.wait()
        assert eventually(lambda: not pids.alive([child]))
    finally:
        pids.kill([child])


def test_a_parent_that_died_first_is_noticed(python: Launch) -> None:
    process = python("from saas.core import orphans\norphans.die_with_parent(1)\nprint('lives')")
    assert process.stdout
    assert process.stdout.read() == ""
    assert process.wait(PATIENCE) == -9


def test_a_process_of_no_known_parent_stays_as_it_is(python: Launch) -> None:
    process = python("from saas.core import orphans\norphans.die_with_parent()\nprint('lives')")
    assert process.stdout
    assert process.stdout.read() == "lives\n"
