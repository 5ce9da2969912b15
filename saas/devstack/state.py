"""The folder that a development stack keeps its state in, `.devstack/` of the checkout."""

import contextlib
import fcntl
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from saas.devstack import postgres
from saas.devstack.errors import DevstackError
from saas.devstack.secrets_kept import write_private

ROOT = Path(__file__).parents[2]  # the checkout
_OURS = ("env", "log", "postgres", "secrets", "stripe", "valkey", "lock")


_GUARD_ENDS_WITHIN = 20.0  # seconds


@dataclass(frozen=True)
class State:
    """One stack's folder; two of them know nothing of each other."""

    folder: Path

    @property
    def logs(self) -> Path:
        """Where each process writes to NAME.log."""
        return self.folder / "log"

    @property
    def env_file(self) -> Path:
        """The settings of the running stack as a shell script; there only while it runs."""
        return self.folder / "env"

    @contextlib.contextmanager
    def locked(self) -> Iterator[IO[str]]:
        """Own the folder until the file that is yielded is closed everywhere.

        Raises DevstackError when somebody else owns it; but where only the guard of a killed owner is still
        busy, it waits for that.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock_file.open("a+") as file:
            deadline = time.monotonic() + _GUARD_ENDS_WITHIN
            while not _try_lock(file):
                if self._owner_lives() or time.monotonic() > deadline:
                    raise DevstackError(f"Freehold already runs in {self.folder}: end it there with Ctrl-C.")
                time.sleep(0.05)
            file.truncate(0)
            print(os.getpid(), file=file, flush=True)
            yield file

    @property
    def _lock_file(self) -> Path:
        return self.folder / "lock"

    def _owner_lives(self) -> bool:
        try:
            os.kill(int(self._lock_file.read_text()), 0)
        except PermissionError:
            return True  # it is somebody else's
        except (OSError, ValueError):
            return False
        return True

    def write_env(self, settings: Mapping[str, str]) -> None:
        """Keep the settings for other commands and for shells, which may source the file."""
        lines = (f"export {name}={shlex.quote(value)}\n" for name, value in settings.items())
        write_private(self.env_file, "".join(lines))

    def read_env(self) -> dict[str, str]:
        """The settings of the running stack, or none when no stack runs."""
        if not self.env_file.exists() or not self._owner_lives():
            return {}
        lines = (shlex.split(line)[1] for line in self.env_file.read_text().splitlines())
        return dict(line.split("=", 1) for line in lines)

    def remove(self) -> None:
        """Remove all state, and nothing else that might lie in the folder."""
        postgres.remove(self.folder)
        for path in (self.folder / name for name in _OURS):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def here() -> State:
    """The state of this checkout, or of FREEHOLD_STATE where that is set."""
    return State(Path(os.environ.get("FREEHOLD_STATE") or ROOT / ".devstack").resolve())


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
