"""The shell script `dev`: what it says when something is missing, and when it installs what.

A shell script stands in for Python, so that nothing is fetched; everything else is real.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Dev = Callable[..., "subprocess.CompletedProcess[str]"]

# Answers as a Python would that is old, lacks venv, or finds the disk full, by the files beside it.
PYTHON = """#!/bin/sh
here=$(dirname "$0")
printf '%s\\n' "$*" >>"$DEV_TEST/calls"
case "$*" in
    *version_info*) [ ! -e "$DEV_TEST/old" ] ;;
    *"import ensurepip, venv"*) [ ! -e "$DEV_TEST/no-venv" ] ;;
    *"import pip"*) [ -e "$here/pip" ] ;;
    "-m venv"*)
        if [ -e "$DEV_TEST/full" ]; then echo "OSError: [Errno 28] No space left on device" >&2; exit 1; fi
        mkdir -p .venv/bin && cp "$0" .venv/bin/python && touch .venv/bin/pip ;;
    *"pip install -q --disable-pip-version-check uv"*) [ ! -e "$DEV_TEST/no-uv" ] ;;
    *"pip install"*) [ ! -e "$DEV_TEST/broken" ] || { echo "a reason" >&2; exit 1; } ;;
esac
"""
NEEDED = ("dirname", "cat", "cksum", "rm", "mkdir", "cp", "touch", "sh")
INSTALLS = "pip install"


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """The folder of the files that tell the stand-in how to be, with its list of calls."""
    folder = tmp_path / "told"
    folder.mkdir()
    (folder / "calls").touch()
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "a check out"
    folder.mkdir()
    shutil.copy(ROOT / "dev", folder / "dev")
    (folder / "run.lock").write_text("one\n")
    (folder / "dev.lock").write_text("one\ntwo\n")
    return folder


@pytest.fixture
def dev(tmp_path: Path, checkout: Path, told: Path) -> Dev:
    """Call ./dev from another folder, with nothing on the PATH but what it needs and the stand-in."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(str(shutil.which(name)))
    (programs / "python3").write_text(PYTHON)
    (programs / "python3").chmod(0o755)

    def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
        (told / "calls").write_text("")
        environment = {"PATH": str(programs), "DEV_TEST": str(told)}
        command = [str(checkout / "dev"), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return call


def calls(told: Path) -> list[str]:
    return (told / "calls").read_text().splitlines()


def installed(told: Path) -> list[str]:
    """The locks that were installed."""
    return [call.split("/")[-1].split()[-1] for call in calls(told) if "--require-hashes" in call]


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",)])
def test_help_needs_no_python(arguments: tuple[str, ...], dev: Dev, told: Path) -> None:
    done = dev(*arguments)
    assert done.returncode == 0
    assert "run [--port 8000]" in done.stdout
    assert calls(told) == []


def test_an_unknown_verb_is_refused_with_the_list(dev: Dev) -> None:
    done = dev("rnu")
    assert done.returncode == 1
    assert done.stderr.endswith("./dev: There is no verb rnu.\n")
    assert "run [--port 8000]" in done.stderr


def test_too_old_a_python_is_said(dev: Dev, told: Path) -> None:
    (told / "old").touch()
    done = dev("run")
    assert done.returncode == 1
    assert "./dev: Python 3.11 or newer was not found: install it" in done.stderr


def test_a_newer_python_of_another_name_is_found(dev: Dev, told: Path, tmp_path: Path) -> None:
    shutil.move(tmp_path / "bin" / "python3", tmp_path / "bin" / "python3.12")
    assert dev("run").returncode == 0
    assert "-m saas.devstack run" in calls(told)


def test_a_missing_venv_module_is_said(dev: Dev, told: Path) -> None:
    (told / "no-venv").touch()
    done = dev("run")
    assert done.returncode == 1
    assert "./dev: Python's venv module is missing: install it" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_a_full_disk_is_said(dev: Dev, told: Path) -> None:
    (told / "full").touch()
    done = dev("run")
    assert done.returncode == 1
    assert done.stderr.endswith("./dev: The disk is full: free some space and try again.\n")


def test_installs_once_and_in_one_line(dev: Dev, told: Path) -> None:
    first = dev("run", "--port", "8001")
    assert (first.stdout, first.stderr) == ("", "Installing run.lock …\n")
    assert calls(told)[-1] == "-m saas.devstack run --port 8001"
    second = dev("run")
    assert second.stderr == ""
    assert installed(told) == []


def test_installs_again_when_the_lock_changed(dev: Dev, told: Path, checkout: Path) -> None:
    dev("run")
    (checkout / "run.lock").write_text("another\n")
    dev("run")
    assert installed(told) == ["run.lock"]


def test_an_interrupted_installation_is_repeated(dev: Dev, told: Path) -> None:
    (told / "broken").touch()
    failed = dev("run")
    assert failed.returncode == 1
    assert failed.stderr.endswith("a reason\n./dev: Installing run.lock failed: see above.\n")
    (told / "broken").unlink()
    dev("run")
    assert installed(told) == ["run.lock"]


def test_tests_need_more_and_a_run_does_not_go_back(dev: Dev, told: Path) -> None:
    dev("run")
    dev("test", "-k", "some thing")
    assert installed(told) == ["dev.lock"]
    assert calls(told)[-1] == "-m saas.devstack test -k some thing"
    dev("run")
    assert installed(told) == []


def test_without_uv_pip_installs_the_same_lock(dev: Dev, told: Path) -> None:
    (told / "no-uv").touch()
    assert dev("run").returncode == 0
    (with_pip,) = [call for call in calls(told) if "--require-hashes" in call]
    assert with_pip.startswith("-m pip install")


def test_a_half_made_environment_is_made_again(dev: Dev, told: Path, checkout: Path) -> None:
    dev("run")
    (checkout / ".venv" / "bin" / "pip").unlink()
    dev("run")
    assert "-m venv --clear .venv" in calls(told)
    assert installed(told) == ["run.lock"]


def test_the_exit_status_is_the_verbs_own(checkout: Path, dev: Dev) -> None:
    dev("run")
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(PYTHON + 'case "$*" in *saas.devstack*) exit 7 ;; esac\n')
    assert dev("run").returncode == 7


def test_is_executable_and_plain_sh() -> None:
    assert os.access(ROOT / "dev", os.X_OK)
    assert (ROOT / "dev").read_text().startswith("#!/bin/sh\n")
