"""What the back office sees of jobs."""

from uuid import UUID

import sqlalchemy as sa

from saas.core import audit
from saas.core.database import db
from saas.core.jobs import Job, JobState
from saas.core.jobs import service as jobs


def job_counts() -> dict[str, int]:
    """The jobs that are not done, by state; for those a partial index is kept."""
    open_jobs = sa.select(Job.state, sa.func.count()).where(Job.state != JobState.DONE)
    rows = db.session.execute(open_jobs.group_by(Job.state))
    return {state.value: count for state, count in rows}


def retry_job(job_id: UUID, actor: str) -> bool:
    """Give a dead job all its tries again; False if it is not dead (any more)."""
    found = db.session.execute(sa.select(Job.name, Job.tenant).where(Job.id == job_id)).one_or_none()
    if found is None or not jobs.retry(job_id):
        return False
    audit.record("job.retried", actor=actor, tenant=found.tenant, job=str(job_id), name=found.name)
    return True
