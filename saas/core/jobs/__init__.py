"""Background jobs: PostgreSQL is the truth, RQ the executor (docs/decisions/0003)."""

from saas.core.jobs.models import Job, JobState
from saas.core.jobs.registry import UnknownJob, handler
from saas.core.jobs.service import enqueue, forget

__all__ = ["Job", "JobState", "UnknownJob", "enqueue", "forget", "handler"]
