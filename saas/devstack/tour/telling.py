"""What the tour prints, and how fast. Off a terminal it is plain text."""

import textwrap
import time

import click

_WIDTH = 100


class Broken(Exception):
    """Something was not as promised; the text says what was expected and what came."""


class Teller:
    def __init__(self, *, fast: bool) -> None:
        self._fast = fast

    def chapter(self, title: str) -> None:
        click.echo("\n" + click.style(title, bold=True))
        self.pause(1)

    def say(self, text: str) -> None:
        click.echo(textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False))
        self.pause(len(text) / 40)

    def did(self, command: str) -> None:
        """What was done, so that it can be done by hand."""
        click.echo(f"  {click.style('$', dim=True)} {click.style(command, fg='cyan')}")
        self.pause(1)

    def came(self, answer: str) -> None:
        """What came back."""
        click.echo(f"    {answer}")
        self.pause(1.1)

    def good(self, text: str) -> None:
        """A promise that held."""
        click.echo(f"  {click.style('✓', fg='green', bold=True)} {text}")
        self.pause(1.1)

    def pause(self, seconds: float) -> None:
        if not self._fast:
            time.sleep(min(seconds, 6.0))
