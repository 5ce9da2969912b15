"""Jobs: unique by key, progress and checkpoints, what happened to them; answers from outside, paused queues and ticks.

Phase: expand
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCHEMA = "platform"
OPEN = "state IN ('waiting', 'leased', 'running')"


def upgrade() -> None:
    _columns()
    _indexes()
    _beside()
    _rights()


def _columns() -> None:
    for column in (
        sa.Column("key", sa.String(200)),
        sa.Column("began_at", _time()),
        sa.Column("done", sa.BigInteger),
        sa.Column("total", sa.BigInteger),
        sa.Column("message", sa.String(200)),
        sa.Column("checkpoint", JSONB),
        sa.Column("cancel_asked", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("reason", sa.String(500)),
    ):
        op.add_column("jobs", column, schema=SCHEMA)


def _indexes() -> None:
    op.create_index(
        "jobs_key_ix",
        "jobs",
        ["name", "tenant", "key"],
        unique=True,
        schema=SCHEMA,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text(f"key IS NOT NULL AND {OPEN}"),
    )
    waiting, out = sa.text("state = 'waiting'"), sa.text("state IN ('leased', 'running')")
    # Whose turn it is in a queue, and which is a tenant's oldest job there, without a look at the rest.
    op.create_index("jobs_turn_ix", "jobs", ["queue", "tenant", "due_at"], schema=SCHEMA, postgresql_where=waiting)
    op.create_index("jobs_out_ix", "jobs", ["queue", "tenant", "due_at"], schema=SCHEMA, postgresql_where=out)
    ended = sa.text("finished_at IS NOT NULL")
    op.create_index("jobs_ended_ix", "jobs", ["finished_at"], schema=SCHEMA, postgresql_where=ended)


def _beside() -> None:
    op.create_table(
        "job_events",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        _job("job_events"),
        _now("at"),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("text", sa.String(2000), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("job_events_job_ix", "job_events", ["job", "id"], schema=SCHEMA)
    op.create_table(
        "job_calls",
        _job("job_calls", primary_key=True),
        sa.Column("step", sa.String(80), primary_key=True),
        sa.Column("answer", JSONB, nullable=False),
        _now("at"),
        schema=SCHEMA,
    )
    op.create_table(
        "job_schedules",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("looked_at", _time(), nullable=False),
        sa.Column("paused_at", _time()),
        schema=SCHEMA,
    )
    op.create_table(
        "job_queues",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("paused_at", _time()),
        schema=SCHEMA,
    )


def _rights() -> None:
    tables = ", ".join(f"platform.{name}" for name in ("job_events", "job_calls", "job_schedules", "job_queues"))
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO fh_app")
    op.execute("GRANT INSERT (key) ON platform.jobs TO fh_tenant")  # the rest of what is new is the platform's


def _job(table: str, *, primary_key: bool = False) -> sa.Column[object]:
    job = sa.ForeignKey(f"{SCHEMA}.jobs.id", name=f"{table}_job_fkey", ondelete="CASCADE")
    return sa.Column("job", sa.Uuid, job, primary_key=primary_key, nullable=False)


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, _time(), server_default=sa.func.now(), nullable=False)
