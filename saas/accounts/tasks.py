"""Keeping the tables of sessions and codes short."""

import sqlalchemy as sa

from saas.accounts.models import Code, SignIn
from saas.core.database import db
from saas.core.jobs import handler


@handler("accounts.sweep", every=3600)
def sweep() -> None:
    for model in (Code, SignIn):
        db.session.execute(sa.delete(model).where(model.expires_at < sa.func.now()))
