"""`saas shell`."""

import code

import click
import sqlalchemy as sa

from saas.cli.context import application
from saas.core.database import db


@click.command()
def shell() -> None:
    """A Python prompt inside the application: `app`, `db`, `sa`."""
    with application() as app:
        code.interact(banner="Freehold shell: app, db, sa", local={"app": app, "db": db, "sa": sa}, exitmsg="")
