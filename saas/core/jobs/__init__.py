"""Background jobs: PostgreSQL is the truth, RQ the executor (docs/decisions/0003)."""

from saas.core.jobs import runner as _runner  # noqa: F401  runs what the registry knows, in a stock worker too
from saas.core.jobs.models import Job, JobState
from saas.core.jobs.registry import BadArguments, UnknownJob, handler
from saas.core.jobs.service import enqueue, forget

__all__ = ["BadArguments", "Job", "JobState", "UnknownJob", "enqueue", "forget", "handler"]
