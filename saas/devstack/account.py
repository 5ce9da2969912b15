"""Whom PostgreSQL runs as: ourselves, or, since it refuses root, an account without rights."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from saas.devstack.errors import DevstackError

_INSTEAD = "set DATABASE_URL and DATABASE_ADMIN_URL to a PostgreSQL of your own."


@dataclass(frozen=True)
class Account:
    """A user to become before a command is run."""

    uid: int
    gid: int


def for_postgres() -> Account | None:
    """The account to change to, or None to stay who we are.

    Raises DevstackError where PostgreSQL can't run at all.
    """
    uid = os.geteuid()
    if uid:
        _require_name(uid)
        return None
    account = _unprivileged()
    _require_change(account)
    return account


def can_enter(account: Account, *paths: Path) -> bool:
    """Whether the account can reach all these paths; asked of the system, which knows about ACLs too."""
    test = " && ".join(f'test -r "${number}"' for number in range(1, len(paths) + 1))
    return _run(account, "/bin/sh", "-c", test, "sh", *map(str, paths)) == 0


def _require_name(uid: int) -> None:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise DevstackError(
            f"The embedded PostgreSQL needs a user with a name, and user id {uid} has none: {_INSTEAD}"
        ) from None


def _unprivileged() -> Account:
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise DevstackError(f"PostgreSQL refuses root, and there is no user nobody or daemon for it: {_INSTEAD}")


def _require_change(account: Account) -> None:
    try:
        _run(account, "/bin/sh", "-c", ":")
    except OSError:
        raise DevstackError(f"PostgreSQL refuses root, and this root can't change its user: {_INSTEAD}") from None


def _run(account: Account, *command: str) -> int:
    done = subprocess.run(  # noqa: S603
        command,
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        check=False,
        capture_output=True,
    )
    return done.returncode
