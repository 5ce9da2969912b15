"""A job of each second, that two dispatchers race for."""

from saas.core.jobs import handler

NAME = "tests.tick"


@handler(NAME, every=1, missed="catch_up")
def tick() -> None:
    """Nobody runs it."""
