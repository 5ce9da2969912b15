"""A dispatcher that knows a job of each second: `python -m tests.support.ticking`."""

from saas.app import create_app
from saas.cli import work
from saas.core.jobs import handler

NAME = "tests.tick"


@handler(NAME, every=1, missed="catch_up")
def tick() -> None:
    """Nobody runs it."""


if __name__ == "__main__":
    work(["dispatch"], obj=create_app)
