"""`saas …` in this process."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from saas import app as application
from saas.cli import main
from saas.core.settings import Settings

Run = Callable[..., Result]


def ready(patch: pytest.MonkeyPatch, settings: Settings) -> Run:
    """With the tests' settings in the environment; called with the command's words."""
    for name, value in settings.model_dump().items():
        if value is not None:
            patch.setenv(name.upper(), str(value))
    return lambda *words: CliRunner().invoke(main, words, obj=application.create_app)
