"""The verbs of `./dev`; it installs what they need and calls them here."""

import errno
import os
import sys

import click

from saas.devstack.errors import DevstackError
from saas.devstack.state import ROOT, here

_PASS_ON = {"ignore_unknown_options": True, "help_option_names": []}
_arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)


def main() -> None:
    """Run one verb. Expected trouble ends in a sentence and status 1."""
    try:
        verbs(prog_name="./dev")
    except DevstackError as error:
        sys.exit(f"./dev: {error}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit("./dev: The disk is full: free some space and start again.")


@click.group()
def verbs() -> None:
    """Develop Freehold."""


@verbs.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
def run(port: int) -> None:
    """Start everything, with data to look at."""
    from saas.devstack import run as running  # each verb loads only what it needs

    sys.exit(running.run(port))


@verbs.command(context_settings=_PASS_ON)
@_arguments
def tour(arguments: tuple[str, ...]) -> None:
    """Show around in the terminal, on the running stack or on one of its own."""
    _become("-m", "saas.devstack.tour", *arguments)


@verbs.command(context_settings=_PASS_ON)
@_arguments
def saas(arguments: tuple[str, ...]) -> None:
    """Run a command of the platform against the running stack."""
    _become("-m", "saas.app", *arguments, env=here().read_env())


@verbs.command(context_settings=_PASS_ON)
@_arguments
def shell(arguments: tuple[str, ...]) -> None:
    """Open a Python shell in the running stack."""
    _become("-m", "saas.app", "shell", *arguments, env=here().read_env())


@verbs.command()
@click.option("--yes", is_flag=True, help="Don't ask.")
def reset(yes: bool) -> None:
    """Remove all data of the development stack."""
    state = here()
    with state.locked():
        if yes or click.confirm(f"Remove all development data in {state.folder}?"):
            state.remove()


@verbs.command(context_settings=_PASS_ON)
@_arguments
def test(arguments: tuple[str, ...]) -> None:
    """Run the tests; all of them when none are named. With --cov it is told what they did not reach."""
    _become("-m", "pytest", "-n", "2", "--dist", "worksteal", *arguments)


@verbs.command(context_settings=_PASS_ON)
@_arguments
def lint(arguments: tuple[str, ...]) -> None:
    """Check the whole tree."""
    _become("-m", "saas.devstack.lint", *arguments)


@verbs.command(context_settings=_PASS_ON)
@_arguments
def smoke(arguments: tuple[str, ...]) -> None:
    """Start a stack of its own and walk through it as a person would."""
    _become("-m", "saas.devstack.smoke", *arguments)


@verbs.command(context_settings=_PASS_ON)
@_arguments
def screens(arguments: tuple[str, ...]) -> None:
    """Take the pictures in docs/images anew."""
    _become("-m", "saas.devstack.screens", *arguments)


@verbs.command(context_settings=_PASS_ON)
@_arguments
def bench(arguments: tuple[str, ...]) -> None:
    """Measure what is promised to be fast."""
    _become("-m", "benchmarks", *arguments)


@verbs.command(context_settings=_PASS_ON)
@_arguments
def security(arguments: tuple[str, ...]) -> None:
    """Run what keeps tenants apart through its tests at full counts, and tell what came of it."""
    _become("-m", "tests.security", *arguments)


@verbs.command()
@click.option("--upgrade", is_flag=True, help="Take the newest versions that setup.cfg allows.")
def lock(upgrade: bool) -> None:
    """Write the locks anew from setup.cfg."""
    from saas.devstack import locks

    locks.compile_all(upgrade=upgrade)


def _become(*command: str, env: dict[str, str] | None = None) -> None:
    """Replace this process by Python with `command`, so that signals and the exit status are its own."""
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, *command], os.environ | (env or {}))  # noqa: S606


if __name__ == "__main__":
    main()
