"""Nothing survives its launcher, whatever happens to it; and the check that says so can tell."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saas.devstack import guard, postgres, processes
from saas.devstack.processes import Program
from tests.devstack.conftest import PATIENCE

Launch = Callable[..., "subprocess.Popen[str]"]
Eventually = Callable[[Callable[[], object]], bool]

# Starts both services and a stubborn child that has a child of its own in another process group.
LAUNCHER = """
import json, os, signal, sys, time
from pathlib import Path
from saas.devstack import postgres, processes, valkey
from saas.devstack.processes import Program

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
folder = Path(sys.argv[1])
started = [postgres.start(folder, fsync=False), valkey.start(folder)]
child = '''
import os, time
pid = os.fork()
if not pid:
    os.setpgid(0, 0)
print(os.getpid(), flush=True)
time.sleep(600)
'''
log = folder / "log" / "child.log"
started.append(processes.start(Program("child", [sys.executable, "-c", child], log, dict(os.environ))))
while len(log.read_text().split()) < 2:
    time.sleep(0.01)
sessions = [server.process.pid for server in started[:2]] + [started[2].pid]
guard = processes._guard(os.getpid()).process.pid
forked = [int(pid) for pid in log.read_text().split()]
try:
    print(json.dumps({"sessions": sessions, "child": forked, "guard": guard}), flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    for one in reversed(started):
        one.stop()
"""


def started(launcher: "subprocess.Popen[str]", pids: Any) -> tuple[list[int], set[int], int]:
    """All pids below the launcher, those that stay for sure, and the guard's: PostgreSQL's own may come and go."""
    assert launcher.stdout
    said = json.loads(launcher.stdout.readline())
    below, lasting = pids.below(launcher.pid), {*said["sessions"], *said["child"]}
    assert {*lasting, said["guard"]} <= set(below)
    assert len(below) > 8  # PostgreSQL's own background processes are among them
    return below, lasting, said["guard"]


def test_ctrl_c_stops_everything(python: Launch, tmp_path: Path, pids: Any, eventually: Eventually) -> None:
    launcher = python(LAUNCHER, tmp_path)
    below, _, _ = started(launcher, pids)
    launcher.send_signal(signal.SIGINT)
    assert launcher.wait(PATIENCE) == 0
    assert eventually(lambda: not pids.alive(below))
    postgres.remove(tmp_path)


def test_nothing_survives_when_the_launcher_is_killed(
    python: Launch, tmp_path: Path, pids: Any, eventually: Eventually
) -> None:
    launcher = python(LAUNCHER, tmp_path)
    below, _, _ = started(launcher, pids)
    launcher.kill()
    launcher.wait()
    assert eventually(lambda: not pids.alive(below))
    assert "database system is shut down" in (tmp_path / "log" / "postgres.log").read_text()
    postgres.remove(tmp_path)


def test_control_without_the_guard_there_are_survivors(
    python: Launch, tmp_path: Path, pids: Any, eventually: Eventually
) -> None:
    launcher = python(LAUNCHER, tmp_path)
    below, lasting, watcher = started(launcher, pids)
    try:
        pids.kill([watcher])
        launcher.kill()
        launcher.wait()
        assert eventually(lambda: not pids.alive([watcher]))
        assert set(pids.alive(below)) >= lasting
    finally:
        pids.kill(below)
    assert eventually(lambda: not pids.alive(below))
    postgres.remove(tmp_path)


def test_a_process_that_ignores_the_request_is_killed_with_its_children(
    tmp_path: Path, pids: Any, eventually: Eventually
) -> None:
    script = "trap '' TERM; (echo ready; while :; do sleep 1; done) & while :; do sleep 1; done"
    log = tmp_path / "log"
    child = processes.start(Program("stubborn", ["/bin/sh", "-c", script], log, dict(os.environ)))
    assert eventually(lambda: "ready" in log.read_text())
    below = guard.members(child.pid)
    assert len(below) > 1
    child.stop(grace=0.2)
    assert not guard.members(child.pid)
    assert not pids.alive(below)


def test_what_a_dead_leader_leaves_in_its_session_is_found(tmp_path: Path, eventually: Eventually, pids: Any) -> None:
    child = processes.start(
        Program("leader", ["/bin/sh", "-c", "sleep 600 & sleep 600"], tmp_path / "log", dict(os.environ))
    )
    assert eventually(lambda: len(guard.members(child.pid)) > 1)
    pids.kill([child.pid])
    child.process.wait()
    assert guard.members(child.pid)
    child.stop()
    assert not guard.members(child.pid)


def test_a_system_without_proc_is_asked_through_ps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = processes.start(Program("child", ["/bin/sleep", "600"], tmp_path / "log", {}))
    monkeypatch.setattr(guard, "_LINUX", tmp_path / "none")
    assert guard.members(child.pid) == [child.pid]
    child.process.kill()  # not waited for, it stays as a zombie, which counts as gone
    while guard.members(child.pid):
        pass
    child.stop()


def test_the_gate_stays_closed_when_the_launcher_dies_before_it_opens(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    program = Program("never", ["/bin/sh", "-c", "echo ran"], tmp_path / "log", dict(os.environ))
    process = processes._spawn(program, reading)
    os.close(reading)
    os.close(writing)
    assert process.wait(PATIENCE) != 0
    assert (tmp_path / "log").read_text() == ""


def test_output_goes_to_the_log_and_the_exit_status_is_kept(tmp_path: Path) -> None:
    script = "echo out; echo err >&2; read -r line && echo has input; exit 3"
    child = processes.start(Program("short", ["/bin/sh", "-c", script], tmp_path / "log", dict(os.environ)))
    assert child.process.wait(PATIENCE) == 3
    child.stop()
    assert child.tail() == "out\nerr"


def test_stopping_does_not_need_the_guard(python: Launch, tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from saas.devstack import processes
from saas.devstack.processes import Program
child = processes.start(Program("child", ["/bin/sleep", "600"], Path(sys.argv[1]) / "log", {}))
guard = processes._guard(os.getpid()).process
guard.kill()
guard.wait()
child.stop()
print(child.poll())
"""
    launcher = python(script, tmp_path)
    assert launcher.stdout
    assert launcher.stdout.read() == f"-{int(signal.SIGTERM)}\n"
