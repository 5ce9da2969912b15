"""What commands stand on that look whether the database is as the platform makes it: 2 is when they could not look."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
import sqlalchemy as sa

from migrations import fleet
from saas.cli.context import application
from saas.core.administrator import administrator
from saas.core.database import platform_revision
from tenants.isolation import modes


class CouldNotLook(click.ClickException):
    exit_code = 2


@contextmanager
def comparable() -> Iterator[modes.Mode]:
    """The application on a database of its own revision and mode. Ends with status 2 where it can't be compared."""
    with migrated():
        yield _mode()


@contextmanager
def migrated() -> Iterator[None]:
    """The application on a database of its own revision. Ends with status 2 where there is none."""
    with _or_status_2(), application():
        if (found := platform_revision()) != fleet.platform_head():
            behind = f"The platform's schema is at {found or 'nothing'}, behind {fleet.platform_head()}"
            raise CouldNotLook(f"{behind}: run `saas migrate` first.")
        yield


def _mode() -> modes.Mode:
    """By the other mode's measure, everything would be out of place."""
    mode = modes.current()
    with administrator() as connection:
        found = modes.found(connection)
    if found not in {mode, None}:
        raise CouldNotLook(f"The database is set up for another TENANT_ISOLATION than {mode.name}: set the one it has.")
    return mode


@contextmanager
def _or_status_2() -> Iterator[None]:
    """A look that did not end is no finding, and no proof either."""
    try:
        yield
    except click.ClickException as error:
        raise CouldNotLook(error.message) from None
    except sa.exc.ProgrammingError as error:
        raise CouldNotLook(f"The catalogue can't be read: {str(error.orig).strip()}") from None
