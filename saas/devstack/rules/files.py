"""Rules on files that are not Python: locks, what code writes, the list of dependencies, one machine's paths."""

import re
from collections.abc import Iterator
from configparser import ConfigParser
from fnmatch import fnmatch
from pathlib import Path

from saas.devstack import locks
from saas.devstack.rules.findings import Finding

_DEPENDENCIES = "docs/dependencies.md"
_PERMISSIONS = "docs/permissions.md"
_ROW = re.compile(r"\|\s*`?([\w.-]+)`?\s*\|\s*([^|]*?)\s*\|\s*([^|]*?)\s*\|")
_NAME = re.compile(r"[\w.-]+")

_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:(?:work|farm)/[a-z]|root/[.\w]|opt/(?:pypi|wheels))|file:///[\w]")
_INDEX_OPTION = re.compile(r"^\s*--(?:(?:extra-)?index-url|find-links|trusted-host)\b")
_INDEX_HOST = re.compile(r"https?://([\w.-]*(?:artifactory|jfrog|nexus|devpi|pypi|npmjs|registry)[\w.-]*)")
_PUBLIC = {"pypi.org", "registry.npmjs.org", "www.npmjs.com"}


def stale_locks(root: Path) -> Iterator[Finding]:
    digest = locks.dependencies_digest(root / "setup.cfg")
    for name in locks.LOCKS:
        if not (root / name).is_file() or locks.recorded_digest(root / name) != digest:
            yield Finding(name, 1, "locks", "not made from the dependencies in setup.cfg: run ./dev lock")


def stale_env_example(root: Path) -> Iterator[Finding]:
    if _read(root / ".env.example") != _env_example():
        message = "differs from saas/core/settings.py: run ./dev lint --fix"
        yield Finding(".env.example", 1, "env-example", message)


def write_env_example(root: Path) -> None:
    (root / ".env.example").write_text(_env_example(), "utf-8")


def stale_permissions(root: Path) -> Iterator[Finding]:
    if _read(root / _PERMISSIONS) != _permissions():
        message = "differs from the table in tenants/members/permissions.py: run ./dev lint --fix"
        yield Finding(_PERMISSIONS, 1, "permissions", message)


def write_permissions(root: Path) -> None:
    (root / _PERMISSIONS).write_text(_permissions(), "utf-8")


def dependencies_named(root: Path) -> Iterator[Finding]:
    """Each dependency has one row, with its licence and the reason why it is there, and nothing else has."""
    wanted, rows = _dependencies(root / "setup.cfg"), list(_rows(root / _DEPENDENCIES))
    for line, name, licence, reason in rows:
        if name not in wanted:
            yield _undocumented(line, f"{name} is no dependency in setup.cfg: remove the row")
        elif not (licence and reason):
            yield _undocumented(line, f"{name} lacks its licence or its reason")
    for name in sorted(wanted - {name for _, name, _, _ in rows}):
        yield _undocumented(1, f"{name} has no row: say its licence and why it is there")


def machine_paths(root: Path) -> Iterator[Finding]:
    """What holds on one machine only has no place in a checkout."""
    for path in _kept(root, _ignored(root)):
        for number, line in enumerate(_read(path).splitlines(), 1):
            if fault := _of_a_machine(line):
                yield Finding(path.relative_to(root).as_posix(), number, "machine-paths", fault)


def _of_a_machine(line: str) -> str | None:
    if match := _MACHINE_PATH.search(line):
        return f"{match.group()}… is a path of one machine: make it relative to the checkout"
    if _INDEX_OPTION.search(line) or any(host not in _PUBLIC for host in _INDEX_HOST.findall(line)):
        return "a package index is named: leave that to pip's own configuration"
    return None


def _kept(folder: Path, ignored: list[str]) -> Iterator[Path]:
    """The files that git would keep; each line of .gitignore is a plain name or pattern of one."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or any(fnmatch(path.name, pattern) for pattern in ignored):
            continue
        if path.is_dir():
            yield from _kept(path, ignored)
        else:
            yield path


def _ignored(root: Path) -> list[str]:
    lines = [line.strip().strip("/") for line in _read(root / ".gitignore").splitlines()]
    return [".git", *(line for line in lines if line and not line.startswith("#"))]


def _dependencies(setup: Path) -> set[str]:
    config = ConfigParser(interpolation=None)
    config.read(setup, "utf-8")
    groups = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    lines = [line for group in groups for line in group.splitlines() if line]
    return {_normal(match.group()) for line in lines if (match := _NAME.match(line))}


def _rows(page: Path) -> Iterator[tuple[int, str, str, str]]:
    """Line, name, licence and reason of each row below a table's head."""
    for number, line in enumerate(_read(page).splitlines(), 1):
        if (match := _ROW.match(line)) and match[1].strip("-") not in {"", "package"}:
            yield number, _normal(match[1]), match[2], match[3]


def _undocumented(line: int, message: str) -> Finding:
    return Finding(_DEPENDENCIES, line, "dependencies", message)


def _normal(name: str) -> str:
    """As the package index compares names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _env_example() -> str:
    # Not at the top: where the settings can't be imported, the other checks must still run and say why.
    from saas.core.settings import env_example

    return env_example()


def _permissions() -> str:
    import billing.module  # noqa: F401  these two fill the table
    import tenants.rooms  # noqa: F401
    from tenants.members import document, permissions

    return document.page(permissions.every())


def _read(path: Path) -> str:
    """Its text; nothing for a file that is missing or holds no text."""
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
