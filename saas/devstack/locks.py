"""The locks: what a run needs, that plus what development needs, what the image needs, and checkov's own."""

import hashlib
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from saas.devstack.errors import DevstackError

_ROOT = Path(__file__).parents[2]
_STAMP = "# setup.cfg dependencies sha256: "
_FIXED = ("--generate-hashes", "--universal", "--python-version", "3.11")
_TOLD = ("--custom-compile-command", "./dev lock")  # what the lock's head tells its reader to run
LOCKS = {
    "run.lock": ("setup.cfg", "--extra", "run"),
    "dev.lock": ("setup.cfg", "--all-extras", "-c", "run.lock"),
    "kubernetes/image.lock": ("setup.cfg", "-c", "run.lock"),
    "kubernetes/checkov.lock": ("kubernetes/checkov.in",),
}


def dependencies_digest(setup: Path = _ROOT / "setup.cfg") -> str:
    """A digest of what the locks are made from: the dependencies, the extras and the oldest Python."""
    config = ConfigParser(interpolation=None)
    config.read(setup, encoding="utf-8")
    named = [("python", config["options"]["python_requires"]), ("", config["options"]["install_requires"])]
    named += sorted(config["options.extras_require"].items())
    lines = [f"{name}: {line.strip()}" for name, value in named for line in value.splitlines() if line.strip()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def recorded_digest(lock: Path) -> str | None:
    """The digest that a lock was made from, or None when it says none."""
    with lock.open(encoding="utf-8") as file:
        first = file.readline().rstrip("\n")
    return first.removeprefix(_STAMP) if first.startswith(_STAMP) else None


def compile_all(*, upgrade: bool) -> None:
    """Resolve what each lock is made from; versions in them stay where they can unless `upgrade`."""
    for name, options in LOCKS.items():
        _compile(name, [*options, *(["--upgrade"] if upgrade else [])])


def _compile(name: str, options: list[str]) -> None:
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "-q",
        "-o",
        name,
        *_FIXED,
        *_TOLD,
        *options,
    ]
    done = subprocess.run(command, cwd=_ROOT, check=False)  # noqa: S603
    if done.returncode:
        raise DevstackError(f"{name} was not made: see what uv says above.")
    lock = _ROOT / name
    body = lock.read_text(encoding="utf-8")
    lock.write_text(f"{_STAMP}{dependencies_digest()}\n{body}", encoding="utf-8")
