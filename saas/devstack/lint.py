"""`./dev lint`: every check of the tree, side by side, each with its verdict on one line."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from configparser import ConfigParser
from pathlib import Path

from saas.devstack.rules.citus_ddl import citus_ddl
from saas.devstack.rules.commits import commits
from saas.devstack.rules.files import (
    dependencies_named,
    machine_paths,
    stale_env_example,
    stale_locks,
    stale_permissions,
    write_env_example,
    write_permissions,
)
from saas.devstack.rules.findings import Finding
from saas.devstack.rules.markup import templates
from saas.devstack.rules.mixed_statement import mixed_statement
from saas.devstack.rules.names import bind_once, database_clock, empty_init, redis_in_core
from saas.devstack.rules.schema_names import schema_names
from saas.devstack.rules.source import sources

ROOT = Path(__file__).resolve().parents[2]
CODE_RULES = (
    schema_names,
    commits,
    citus_ddl,
    mixed_statement,
    bind_once,
    redis_in_core,
    database_clock,
    empty_init,
)

Check = Callable[[Path], Iterable[object]]  # what is wrong, a line each; nothing when all is well


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.fix:
        _fix(ROOT)
    names = options.checks or list(CHECKS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(_timed, CHECKS[name]): name for name in names}
        verdicts = [_report(running[check], check) for check in as_completed(running)]
    return 0 if all(verdicts) else 1


def code_rules(root: Path) -> list[Finding]:
    trees = sources(root)
    return sorted(finding for rule in CODE_RULES for finding in rule(trees))


def _ruff_format(root: Path) -> list[str]:
    return _ruff(root, "format", "--check", "--output-format=concise")


def _ruff_check(root: Path) -> list[str]:
    return _ruff(root, "check", "--output-format=concise")


def _mypy(root: Path) -> list[str]:
    config = ConfigParser(interpolation=None)
    config.read(root / "setup.cfg", "utf-8")
    packages = [f"--package={name.strip()}" for name in config["mypy"]["packages"].split(",")]
    modules = [f"--module={name}" for name in config["options"]["py_modules"].split()]
    return _run(root, sys.executable, "-m", "mypy", "--no-error-summary", *packages, *modules)


def _imports(root: Path) -> list[str]:
    return _run(root, str(Path(sys.executable).with_name("lint-imports")), "--no-logo")


# The slow ones first, so that the quick ones fill the other cores meanwhile.
CHECKS: dict[str, Check] = {
    "mypy": _mypy,
    "import-linter": _imports,
    "ruff-check": _ruff_check,
    "ruff-format": _ruff_format,
    "code-rules": code_rules,
    "templates": templates,
    "machine-paths": machine_paths,
    "dependencies": dependencies_named,
    "locks": stale_locks,
    "env-example": stale_env_example,
    "permissions": stale_permissions,
}


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev lint", description=__doc__)
    parser.add_argument("checks", nargs="*", metavar="check", help=f"only these of {', '.join(CHECKS)}")
    parser.add_argument("--fix", action="store_true", help="first mend what can be mended by itself")
    options = parser.parse_args(arguments)
    for name in options.checks:
        if name not in CHECKS:
            parser.error(f"there is no check {name}; there are {', '.join(CHECKS)}")
    return options


def _fix(root: Path) -> None:
    _ruff(root, "check", "--fix")
    _ruff(root, "format")
    write_env_example(root)
    write_permissions(root)


def _timed(check: Check) -> tuple[list[object], float]:
    start = time.monotonic()
    return list(check(ROOT)), time.monotonic() - start


def _report(name: str, check: "Future[tuple[list[object], float]]") -> bool:
    """Print the verdict; a check that breaks down has failed, and says how."""
    if error := check.exception():
        print(f"failed  {name:<14}  -  {type(error).__name__}: {error}", flush=True)
        return False
    faults, seconds = check.result()
    verdict = "failed" if faults else "ok"
    print(f"{verdict:<6}  {name:<14} {seconds:5.1f} s", *faults, sep="\n    ", flush=True)
    return not faults


def _ruff(root: Path, verb: str, *options: str) -> list[str]:
    return _run(root, sys.executable, "-m", "ruff", verb, "--quiet", *options, ".")


def _run(root: Path, *command: str) -> list[str]:
    """The output of a tool that found something, by lines."""
    # The commands are the ones above, none comes from outside.
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603
    if not done.returncode:
        return []
    return (done.stdout + done.stderr).splitlines() or [f"ended with status {done.returncode}"]


if __name__ == "__main__":
    sys.exit(main())
