"""A dispatcher that knows the tests' own jobs: `python -m tests.support.dispatcher`."""

from saas.app import create_app
from saas.cli import work
from tests.support import jobs as _registered  # noqa: F401

if __name__ == "__main__":
    work(["dispatch"], obj=create_app)
