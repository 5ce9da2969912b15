"""Where the storm's clients ask for jobs: a view, planted, that writes a row and asks for a job in one commit.

Another one talks to Redis, which no request of the platform's does.
"""

from contextlib import suppress
from urllib.parse import urlsplit
from uuid import uuid4

import sqlalchemy as sa
from flask import Blueprint, Flask, request
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

from saas.core import audit
from saas.core.database import commit, db
from saas.core.edge import csrf
from saas.core.jobs import enqueue
from saas.core.settings import current_settings
from tenants.models import Tenant
from tests.support.killing import jobs

ASKED = "storm.asked"

blueprint = Blueprint("storm", __name__)
planted: list[Flask] = []


@blueprint.post("/<kind>/<mark>")
def ask(kind: str, mark: str) -> str:
    """A repeat of a request that did come through, though its answer did not, does nothing.

    A tenant's job is asked for twice with one key, so that there is one.
    """
    if _asked(mark):
        return "before"
    tenant = _tenant(request.args.get("address"))
    audit.record(ASKED, actor="system", tenant=None, mark=mark, kind=kind, of=tenant)
    if kind == jobs.UNRELAYED:
        commit()
        _push(mark)
    elif tenant:
        for _again in range(2):
            enqueue(kind, tenant, (mark,), key=mark)
    else:
        enqueue(kind, args=(mark,))
    return "asked"


@blueprint.get("/redis/<how>")
def talk(how: str) -> str:
    """What no request of ours does; `patiently` is as the client does it that nobody has told anything."""
    url = current_settings().redis_url
    limits = {"socket_timeout": 1, "socket_connect_timeout": 1}
    with Redis.from_url(url, **limits) if how == "briefly" else _untold(url) as redis, suppress(RedisError):
        redis.ping()
    return "talked"


def plant(app: Flask) -> None:
    app.register_blueprint(blueprint, url_prefix="/storm")
    csrf.exempt(blueprint)
    planted.append(app)


def _asked(mark: str) -> bool:
    entries = sa.exists().where(audit.AuditEntry.action == ASKED, audit.AuditEntry.detail["mark"].astext == mark)
    return bool(db.session.scalar(sa.select(entries)))


def _tenant(address: str | None) -> str | None:
    return db.session.scalar(sa.select(Tenant.id).where(Tenant.address == address)) if address else None


def _untold(url: str) -> Redis:
    parts = urlsplit(url)
    return Redis(host=str(parts.hostname), port=int(parts.port or 0), password=parts.password)


def _push(mark: str) -> None:
    """As it is done where nothing is written down of what is to be done."""
    with Redis.from_url(current_settings().redis_url, socket_timeout=1, socket_connect_timeout=1) as redis:
        Queue("fast", connection=redis).enqueue_call(
            f"{jobs.__name__}.unrelayed", (str(uuid4()), 1), {"mark": mark}, timeout=jobs.LIMIT, result_ttl=0
        )
