"""`./dev run` with the real services, on stand-ins for the platform's own processes."""

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from saas.devstack import postgres
from saas.devstack.state import State
from tests.devstack.conftest import PATIENCE

Launch = Callable[..., "subprocess.Popen[str]"]
Eventually = Callable[[Callable[[], object]], bool]

ROOT = Path(__file__).parents[2]
STAND_INS = {
    "wsgi.py": """
from saas.core.orphans import die_with_parent
die_with_parent()
def app(environ, start_response):
    start_response("200 OK", [])
    return [environ["HTTP_HOST"].encode()]
""",
    "worker.py": """
import os, sys, time
print(*sys.argv[1:], "administrator" if "DATABASE_ADMIN_URL" in os.environ else "application", flush=True)
while not os.path.exists("fail-" + sys.argv[-1]):
    time.sleep(0.05)
sys.exit("a reason to stop")
""",
    "saas/app.py": """
import json, os, sys
if sys.argv[1:] == ["demo"]:
    names = ("workspace_link", "console_link", "console_code", "curl", "email", "password")
    print(json.dumps({name: name for name in names}))
    sys.exit()
print(*sys.argv[1:], os.environ.get("SITE_URL"), os.path.exists("fail-cli"))
sys.exit("a broken migration" if os.path.exists("fail-cli") else 0)
""",
}
CHILDREN = ["dispatcher", "web", "worker-fast", "worker-slow", "worker-webhooks"]


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A checkout whose platform does nothing but run."""
    root = tmp_path / "a check out"
    shutil.copytree(ROOT / "saas" / "devstack", root / "saas" / "devstack")
    shutil.copytree(ROOT / "billing" / "sandbox", root / "billing" / "sandbox")
    (root / "billing" / "__init__.py").touch()
    for name in ("saas/__init__.py", "saas/core/__init__.py", "saas/core/orphans.py"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for name, text in STAND_INS.items():
        (root / name).write_text(text)
    yield root
    postgres.remove(root / ".devstack")


@pytest.fixture
def dev(launch: Launch, checkout: Path) -> Launch:
    """Call a verb in that checkout."""
    own = ("DATABASE_URL", "DATABASE_ADMIN_URL", "REDIS_URL", "STRIPE_SECRET_KEY", "SECRET_KEY", "FREEHOLD_STATE")
    unset = [word for name in own for word in ("-u", name)]

    def call(*arguments: object, **environment: str) -> "subprocess.Popen[str]":
        values = [f"{name}={value}" for name, value in environment.items()]
        command = ("env", *unset, *values, sys.executable, "-m", "saas.devstack", *arguments)
        return launch(*command, cwd=checkout)

    return call


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
        return number


def until(process: "subprocess.Popen[str]", text: str) -> str:
    """What the process prints up to the line with that text."""
    said = ""
    assert process.stdout
    while text not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def said(process: "subprocess.Popen[str]") -> str:
    return process.communicate(timeout=PATIENCE)[0]


def test_starts_says_where_and_stops_at_ctrl_c(
    dev: Launch, checkout: Path, port: int, pids: Any, eventually: Eventually
) -> None:
    running = dev("run", "--port", port)
    summary = until(running, "Ctrl-C stops everything.")
    assert f"Freehold runs at http://localhost:{port}" in summary
    assert f"http://localhost:{port}/dev/mailbox" in summary
    below = pids.below(running.pid)
    assert len(below) > 10
    assert said(dev("saas", "tenants", "--all")) == f"tenants --all http://localhost:{port} False\n"
    assert "already runs" in said(dev("run"))
    assert "already runs" in said(dev("reset", "--yes"))

    running.send_signal(signal.SIGINT)
    assert said(running) == "Stopping …\n"
    assert running.returncode == 0
    assert eventually(lambda: not pids.alive(below))
    assert not (checkout / ".devstack" / "env").exists()
    assert said(dev("reset", "--yes")) == ""
    assert not (checkout / ".devstack").exists()


def test_each_process_has_a_log_and_few_the_administrators_rights(
    dev: Launch, checkout: Path, port: int, eventually: Eventually
) -> None:
    running = dev("run", "--port", port)
    until(running, "Ctrl-C")
    log = checkout / ".devstack" / "log"
    written = {
        "dispatcher": "dispatch application\n",
        "worker-fast": "--grace 8 --queue fast application\n",
        "worker-slow": "--grace 8 --queue slow administrator\n",
        "worker-webhooks": "--grace 8 --queue webhooks application\n",
    }
    # The summary waits for the site, not for the first line of a worker.
    assert eventually(lambda: {name: (log / f"{name}.log").read_text() for name in written} == written)
    assert (log / "migrate.log").read_text().startswith("migrate ")
    assert (log / "refill.log").read_text().startswith("tenants refill ")
    running.terminate()
    assert said(running) == "Stopping …\n"
    assert "Granian shutdown completed" in (log / "web.log").read_text()
    assert "database system is shut down" in (log / "postgres.log").read_text()


def test_nothing_survives_a_killed_launcher_and_the_next_run_starts(dev: Launch, port: int, pids: Any) -> None:
    killed = dev("run", "--port", port)
    until(killed, "Ctrl-C")
    below = pids.below(killed.pid)
    killed.kill()
    killed.wait()
    again = dev("run", "--port", port)
    try:
        printed = until(again, "\n")
        assert printed == "Starting …\n"
        assert not pids.alive(below)
    finally:
        again.terminate()
        said(again)


@pytest.mark.parametrize("dying", ["dispatch", "fast"])
def test_a_part_that_dies_is_named_with_its_log_and_ends_the_rest(
    dying: str, dev: Launch, checkout: Path, port: int, pids: Any
) -> None:
    running = dev("run", "--port", port)
    until(running, "Ctrl-C")
    below = pids.below(running.pid)
    (checkout / f"fail-{dying}").touch()
    words = said(running)
    name = {"dispatch": "dispatcher", "fast": "worker-fast"}[dying]
    assert words.startswith(f"{name} ended with status 1. Its log, {checkout}/.devstack/log/{name}.log, ")
    assert words.endswith("a reason to stop\n")
    assert running.returncode == 1
    assert not pids.alive(below)


def test_a_failing_migration_is_shown_and_nothing_is_left_running(dev: Launch, checkout: Path, port: int) -> None:
    (checkout / "fail-cli").touch()
    running = dev("run", "--port", port)
    assert "migrate ended with status 1" in (words := said(running))
    assert words.endswith("a broken migration\n")
    assert running.returncode == 1
    assert "database system is shut down" in (checkout / ".devstack" / "log" / "postgres.log").read_text()


def test_a_busy_port_is_one_sentence(dev: Launch, checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        running = dev("run", "--port", port)
        expected = f"./dev: Port {port} is in use: stop what listens there, or give another with --port.\n"
        assert said(running) == expected
        assert running.returncode == 1
    assert not (checkout / ".devstack" / "postgres").exists()


def test_half_a_database_is_refused(dev: Launch, port: int) -> None:
    running = dev("run", "--port", port, DATABASE_URL="postgresql://somewhere/else")
    assert said(running).endswith(
        "DATABASE_ADMIN_URL is missing: set both DATABASE_URL and DATABASE_ADMIN_URL, or neither.\n"
    )


def test_services_of_ones_own_are_used(dev: Launch, checkout: Path, port: int) -> None:
    own = {"DATABASE_URL": "postgresql://app@db/x", "DATABASE_ADMIN_URL": "postgresql://admin@db/x"}
    running = dev("run", "--port", port, REDIS_URL="redis://queue/0", **own)
    until(running, "Ctrl-C")
    names = ("SECRET_KEY", "DATABASE_URL", "DATABASE_ADMIN_URL", "REDIS_URL", "SITE_URL", "FREEHOLD_ENV")
    shown = " ".join(f'"${name}"' for name in names)
    shell = ["/bin/sh", "-c", f". .devstack/env; printf '%s\\n' {shown}"]
    values = subprocess.check_output(shell, cwd=checkout, env={}, text=True).splitlines()
    assert values[0].startswith("development-")
    assert values[1:] == [*own.values(), "redis://queue/0", f"http://localhost:{port}", "development"]
    assert not (checkout / ".devstack" / "postgres").exists()
    assert not (checkout / ".devstack" / "valkey").exists()
    running.terminate()
    said(running)


def test_reset_removes_only_what_is_its_own(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    with state.locked():
        (state.folder / "mine").touch()
        state.logs.mkdir()
        state.remove()
    assert [path.name for path in state.folder.iterdir()] == ["mine"]


def test_settings_survive_the_shells_special_characters(tmp_path: Path) -> None:
    state = State(tmp_path)
    settings = {"MAIL_FROM": "O'Hara <o@example.com>", "URL": "redis://:pa$$ w=rd@host/0"}
    with state.locked():
        state.write_env(settings)
        assert state.read_env() == settings


def test_what_a_killed_stack_left_is_not_taken_for_a_running_one(launch: Launch, tmp_path: Path) -> None:
    state = State(tmp_path)
    gone = launch("true")
    gone.wait()
    state.write_env({"SITE_URL": "http://localhost:8000"})
    (tmp_path / "lock").write_text(f"{gone.pid}\n")
    assert state.read_env() == {}
