"""The background processes: `python worker.py dispatch` or `python worker.py --queue fast`."""

from saas.app import create_app
from saas.cli import work

if __name__ == "__main__":
    work(obj=create_app)
