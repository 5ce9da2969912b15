"""Where `./dev tour` begins."""

import sys
import time
from collections.abc import Mapping

import click
import requests

from saas.devstack import ports, state
from saas.devstack.errors import DevstackError
from saas.devstack.stack import Stack
from saas.devstack.tour.story import Story
from saas.devstack.tour.telling import Broken, Teller


def tour(settings: Mapping[str, str], *, fast: bool, stays: bool = True) -> int:
    """Returns the exit status."""
    teller = Teller(fast=fast)
    click.echo(f"A tour of Freehold at {settings['SITE_URL']}, in about {'20' if fast else '90'} seconds.")
    began = time.monotonic()
    try:
        Story(settings, teller, stays=stays).run()
    except (Broken, LookupError, DevstackError, requests.RequestException) as error:
        click.echo(f"{click.style('✗', fg='red', bold=True)} Not as promised: {error}", err=True)
        return 1
    click.echo(f"\nEverything was as promised, in {time.monotonic() - began:.0f} s.")
    return 0


@click.command()
@click.option("--fast", is_flag=True, help="Without pauses to read in.")
def main(fast: bool) -> None:
    """Show around on the stack that runs in this checkout, or on one that is started for the tour."""
    here = state.here()
    if settings := here.read_env():
        sys.exit(tour(settings, fast=fast))
    stack = Stack(here, ports.free())
    with here.locked():
        try:
            click.echo("No stack is running (./dev run starts one that stays): starting one for the tour …")
            stack.start_services()
            stack.start_platform()
            stack.finish(stack.begin("demo-live", "-m", "saas.app", "demo", "live", administrator=True))
            sys.exit(tour(stack.settings, fast=fast, stays=False))
        finally:
            stack.stop()


if __name__ == "__main__":
    main(prog_name="./dev tour")
