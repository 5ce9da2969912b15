"""Keeping the platform's own tables short."""

from datetime import timedelta

import sqlalchemy as sa

from saas.core.attempts import Attempts
from saas.core.database import db
from saas.core.jobs.models import Job, JobState
from saas.core.jobs.registry import handler

KEEP_DONE = timedelta(days=7)  # dead jobs stay until somebody has looked at them


@handler("core.sweep", every=3600)
def sweep() -> None:
    db.session.execute(sa.delete(Attempts).where(Attempts.until < sa.func.now()))
    db.session.execute(sa.delete(Job).where(Job.state == JobState.DONE, Job.finished_at < sa.func.now() - KEEP_DONE))
