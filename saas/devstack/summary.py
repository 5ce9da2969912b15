"""What a person needs to know when everything runs."""

import os
from collections.abc import Mapping

import click

from saas.devstack.stack import Stack

_COLUMN = 14


def text(stack: Stack, demo: Mapping[str, str], seconds: float) -> str:
    """The summary. Links stand alone at the end of their lines, so that a terminal makes them clickable."""
    site = stack.settings["SITE_URL"]
    rows = {
        "Workspace": f"{demo['workspace_link']}  (once)",
        "Back office": f"{demo['console_link']}  (once)",
        "": f"its second factor, once: {demo['console_code']}",
        "Sign in": f"{demo['email']}  {demo['password']}",
        "Mailbox": f"{site}/dev/mailbox",
        "API": demo["curl"],
        "Logs": os.path.relpath(stack.state.logs),
    }
    if stack.standin:
        rows["Stripe"] = f"a stand-in at {stack.standin.url}; pay with the card 4242 4242 4242 4242"
    lines = [f"  {click.style(name.ljust(_COLUMN), dim=True)}{value}" for name, value in rows.items()]
    title = click.style(f"Freehold runs at {site}", bold=True) + f"  (started in {seconds:.1f} s)"
    more = "The demo goes on filling itself for a moment: payments, colleagues, a failure. `./dev tour` shows around."
    return "\n".join(["", title, "", *lines, "", more, "Ctrl-C stops everything."])
