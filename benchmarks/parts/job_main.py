"""What `worker.py` is, with the benchmark's jobs: `python -m benchmarks.parts.job_main dispatch`."""

from benchmarks.parts import job_kinds as _known  # noqa: F401
from saas.app import create_app
from saas.cli import work

if __name__ == "__main__":
    work(obj=create_app)
