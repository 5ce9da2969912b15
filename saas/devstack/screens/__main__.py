"""Where `./dev screens` begins."""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from playwright.sync_api import Browser, Page

from saas.devstack import ports, postgres
from saas.devstack.errors import DevstackError
from saas.devstack.screens.chromium import Theme, chromium, keep, page
from saas.devstack.stack import Stack
from saas.devstack.state import ROOT, State

IMAGES = ROOT / "docs" / "images"
_PORT = 8000  # which the pictures show, where it is free
_WAIT = 90.0  # seconds until the demo's last job is dead


@dataclass(frozen=True)
class Screen:
    name: str
    path: str
    host: str = ""  # a business' address; "" for the bare host
    theme: Theme = "light"


_OWNERS = (
    Screen("home", "/home", "demo"),
    Screen("collection", "/collections/orders", "demo"),
    Screen("collection-dark", "/collections/orders", "demo", "dark"),
    Screen("plan", "/billing", "demo"),
    Screen("team", "/team", "demo"),
    Screen("usage", "/usage", "studio-lumen"),
    Screen("past-due", "/billing", "harbour-cycles", "dark"),
)
_VISITORS = (Screen("pricing", "/pricing"),)


def take(stack: Stack, demo: dict[str, str]) -> None:
    IMAGES.mkdir(exist_ok=True)
    with chromium() as browser:
        looker = page(browser)
        for theme in ("light", "dark"):
            visitor = page(browser, theme)
            _shoot(stack, looker, visitor, _VISITORS, theme)
            _enter(stack, visitor)
            _shoot(stack, looker, visitor, _OWNERS, theme)
        _back_office(stack, looker, browser, demo)


def _back_office(stack: Stack, looker: Page, browser: Browser, demo: dict[str, str]) -> None:
    operator = page(browser)
    console = f"{stack.settings['SITE_URL']}/console"
    operator.goto(demo["console_link"])
    operator.get_by_label("Code").fill(demo["console_code"])
    operator.get_by_role("button", name="Continue").click()
    operator.wait_for_url(console)
    _write(looker, operator, "back-office", console)
    tenant = operator.get_by_role("link", name="Harbour Cycles").get_attribute("href")
    _write(looker, operator, "back-office-tenant", f"{stack.settings['SITE_URL']}{tenant}")
    _write(looker, operator, "jobs", f"{console}/jobs")


def _enter(stack: Stack, visitor: Page) -> None:
    visitor.goto(json.loads(_saas(stack, "demo", "links"))["workspace_link"])


def _shoot(stack: Stack, looker: Page, visitor: Page, screens: tuple[Screen, ...], theme: str) -> None:
    site = stack.settings["SITE_URL"]
    for screen in screens:
        if screen.theme == theme:
            origin = site.replace("://", f"://{screen.host}.") if screen.host else site
            _write(looker, visitor, screen.name, origin + screen.path)


def _write(looker: Page, visitor: Page, name: str, url: str) -> None:
    visitor.goto(url)
    visitor.wait_for_load_state("networkidle")
    file = IMAGES / f"{name}.png"
    done = keep(looker, file, visitor.screenshot(animations="disabled"))
    click.echo(f"{file.relative_to(ROOT)}  {file.stat().st_size // 1024} kB  {done}")


@contextmanager
def _demo() -> Iterator[tuple[Stack, dict[str, str]]]:
    """A stack of its own, so that the pictures do not depend on what somebody did with theirs."""
    with tempfile.TemporaryDirectory(prefix="freehold-screens-") as name:
        stack = Stack(State(Path(name)), ports.free() if ports.is_busy(_PORT) else _PORT)
        try:
            click.echo("Starting the demo …")
            stack.start_services()
            demo = json.loads(stack.start_platform().strip().splitlines()[-1])
            stack.finish(stack.begin("demo-live", "-m", "saas.app", "demo", "live", administrator=True))
            _await_dead_job(stack)
            yield stack, demo
        finally:
            stack.stop()
            postgres.remove(Path(name))


def _await_dead_job(stack: Stack) -> None:
    deadline = time.monotonic() + _WAIT
    while not json.loads(_saas(stack, "jobs", "list", "--state", "dead", "--json"))["jobs"]:
        if time.monotonic() > deadline:
            raise DevstackError(f"The demo's failing job was not dead after {_WAIT:.0f} s.")
        time.sleep(1)


def _saas(stack: Stack, *words: str) -> str:
    return stack.finish(stack.begin("saas", "-m", "saas.app", *words)).strip().splitlines()[-1]


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also those that show nearly the same as before.")
def main(everything: bool) -> None:
    """Take the pictures in docs/images anew."""
    try:
        with chromium():
            pass  # before anything else is started
        with _demo() as (stack, demo):
            for old in IMAGES.glob("*.png") if everything else ():
                old.unlink()
            take(stack, demo)
    except DevstackError as error:
        sys.exit(f"./dev: {error}")
    total = sum(file.stat().st_size for file in IMAGES.glob("*.png"))
    click.echo(f"All pictures together have {total // 1024} kB.")


if __name__ == "__main__":
    main(prog_name="./dev screens")
