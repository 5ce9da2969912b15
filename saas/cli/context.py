"""What every command stands on: the application, errors told in a sentence, tables."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click
import sqlalchemy as sa
from flask import Flask

from migrations.roles import DatabaseUnfit
from saas.core.errors import PlatformError
from saas.core.observability import configure_logging
from saas.core.settings import Settings, SettingsError, load
from tenants.isolation.enforcement import Unenforced
from tenants.modules import ModuleUnfit


@contextmanager
def application() -> Iterator[Flask]:
    with told():
        settings = load(log_level="warning")
        app = build(settings)
        with app.app_context(), app.test_request_context(base_url=settings.site_url):
            yield app


def build(settings: Settings) -> Flask:
    """The application, with its log set up."""
    configure_logging(settings)
    app: Flask = click.get_current_context().obj(settings)
    return app


@contextmanager
def told() -> Iterator[None]:
    """What an operator can mend is told in a sentence, not in a traceback."""
    try:
        yield
    except SettingsError as error:
        raise click.ClickException(f"The settings are not complete:\n{error}") from None
    except Unenforced as error:
        raise click.ClickException(f"Production does not start on this database (docs/postgres.md):\n{error}") from None
    except (PlatformError, DatabaseUnfit, ModuleUnfit) as error:
        raise click.ClickException(str(error)) from None
    except sa.exc.OperationalError as error:
        raise click.ClickException(f"The database does not answer: {str(error.orig).strip()}") from None


def table(columns: tuple[str, ...], rows: list[list[str]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows]))
        return
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in [list(columns), *rows]:
        click.echo("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip())
