"""What a dispatcher's turn costs with a million ended jobs in the table, against none."""

import time

import sqlalchemy as sa
from redis import Redis

from benchmarks import stand
from benchmarks.figures import AtMost, Figure, Part
from benchmarks.stand import Stand
from benchmarks.timing import Way, interleave
from saas.core.database import db, transaction
from saas.core.jobs import Job, leasing, turns
from saas.core.jobs.dispatcher import connect
from saas.core.jobs.sending import Line

_ENDED, _ROUNDS = 1_000_000, 40
_TENANTS = 8
_EMPTY, _FULL = "a turn, none ended", "a turn, with those ended"
_ADD = sa.text(f"""
    INSERT INTO {Job.__table__} (id, name, tenant, args, queue, limit_seconds, max_tries, state, due_at, lease, tries,
        finished_at)
    SELECT gen_random_uuid(), 'bench.nothing', 't_' || number % :tenants, '[]', 'fast', 60, 8, :state,
        CASE WHEN :state = 'waiting' THEN now() END, 0, 0, CASE WHEN :state = 'done' THEN now() END
    FROM generate_series(1, :number) AS number
""")
_END = sa.update(Job).where(Job.state == "leased").values(state="done", due_at=None, finished_at=sa.func.now())


def measure(ground: Stand, *, tiny: bool) -> Part:
    ended, rounds = (1_000, 2) if tiny else (_ENDED, _ROUNDS)
    empty, full = stand.beside(ground, "no_jobs"), stand.beside(ground, "many_jobs")
    _add(full, ended, "done", 1_000)
    for each in (empty, full):
        each.as_superuser(f"VACUUM ANALYZE {Job.__table__}")
    with connect(ground.settings.redis_url) as redis:
        samples = interleave({_EMPTY: _way(empty, redis), _FULL: _way(full, redis)}, rounds, warm_up=5)
    figures = [
        Figure(f"dispatch with {ended:,} ended jobs / with none", samples.ratio(_FULL, _EMPTY), "ratio", AtMost(1.1)),
        *(Figure(name, samples.median(name) * 1000, "ms") for name in (_EMPTY, _FULL)),
    ]
    return Part(figures, f"Dispatch: {turns.BATCH} jobs of {_TENANTS} tenants are leased and sent. {samples.how}")


def _way(ground: Stand, redis: Redis) -> Way:
    line = Line(redis)

    def dispatch() -> float:
        _add(ground, turns.BATCH, "waiting", _TENANTS)
        with ground.app.app_context():
            began = time.perf_counter()
            turn = leasing.turn("fast", turns.BATCH, "")
            line.send(turn.leased)
            took = time.perf_counter() - began
            if len(turn.leased) != turns.BATCH:
                raise RuntimeError(f"only {len(turn.leased)} jobs were leased")
            with transaction():
                db.session.execute(_END)
        redis.flushdb()
        return took

    return dispatch


def _add(ground: Stand, number: int, state: str, tenants: int) -> None:
    with ground.app.app_context(), transaction():
        db.session.execute(_ADD, {"number": number, "state": state, "tenants": tenants})
