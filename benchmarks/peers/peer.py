"""A peer: a process in an environment of its own, made once and kept in `.bench/`, that is asked over a pipe."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from benchmarks.fixture import KEPT
from saas.devstack.errors import DevstackError

NOT_INSTALLED = "could not be installed: see above. It needs an index of Python packages that can be reached."
_HERE = Path(__file__).parent


class PeerFailed(Exception):
    """It ended instead of answering; the text is what it wrote last."""


class Peer:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, do: str, **what: Any) -> dict[str, Any]:
        """Have it do something; returns what it found. Raises PeerFailed."""
        to, from_ = _pipe(self._process.stdin), _pipe(self._process.stdout)
        to.write(json.dumps({"do": do, **what}) + "\n")
        to.flush()
        if not (line := from_.readline()):
            raise PeerFailed(f"{do}: {_pipe(self._process.stderr).read()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def running(name: str, database_url: str) -> Iterator[Peer]:
    """The peer whose folder is `name`, on a database of its own."""
    python, home = _environment(name), _scratch(name)
    process = subprocess.Popen(
        [python, "serve.py"],
        cwd=home,
        env={"PATH": os.defpath, "PEER_DATABASE_URL": database_url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Peer(process)
    finally:
        process.kill()
        process.communicate()
        shutil.rmtree(home)


def _environment(name: str) -> Path:
    """The peer's Python, with just what its requirements name, each by its hash."""
    requirements = _HERE / name / "requirements.txt"
    venv = KEPT / f"{name}-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]}"
    done = venv / "installed"
    if not done.exists():
        print(f"Installing {name}, which is kept for the next time …", file=sys.stderr)
        _install(name, venv, requirements)
        done.touch()
    return venv / "bin" / "python"


def _install(name: str, venv: Path, requirements: Path) -> None:
    pip = [venv / "bin" / "python", "-I", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([*pip, "--require-hashes", "-r", requirements], check=True)
    except subprocess.CalledProcessError as error:
        raise DevstackError(f"{name} {NOT_INSTALLED}") from error


def _scratch(name: str) -> Path:
    """Its code, copied to where it may write migrations."""
    home = KEPT / f"{name}-{os.getpid()}"
    shutil.copytree(_HERE / name, home)
    return home


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise PeerFailed("there is no pipe to it")
    return pipe
