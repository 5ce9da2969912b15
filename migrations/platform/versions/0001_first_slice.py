"""People, tenants, jobs, mails, audit; who may touch what.

Phase: expand
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "platform"


def upgrade() -> None:
    _people()
    _tenants()
    _work()
    _rights()


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("password_hash", sa.String),
        sa.Column("confirmed_at", _time()),
        sa.Column("operator", sa.Boolean, nullable=False),
        _created(),
        sa.UniqueConstraint("email", name="users_email_key"),
        schema=SCHEMA,
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("secret_digest", sa.LargeBinary, nullable=False),
        sa.Column("parent_id", sa.Uuid),
        sa.Column("tenant", sa.String),
        _created(),
        sa.Column("expires_at", _time(), nullable=False),
        _refers("sessions", "user_id", "users"),
        _refers("sessions", "parent_id", "sessions"),
        sa.UniqueConstraint("secret_digest", name="sessions_secret_digest_key"),
        schema=SCHEMA,
    )
    op.create_index("sessions_user_id_ix", "sessions", ["user_id"], schema=SCHEMA)
    op.create_index("sessions_parent_id_ix", "sessions", ["parent_id"], schema=SCHEMA)
    op.create_table(
        "codes",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("session_id", sa.Uuid),
        sa.Column("tenant", sa.String),
        sa.Column("nonce_digest", sa.LargeBinary),
        sa.Column("expires_at", _time(), nullable=False),
        _refers("codes", "user_id", "users"),
        _refers("codes", "session_id", "sessions"),
        schema=SCHEMA,
    )
    op.create_index("codes_user_id_ix", "codes", ["user_id"], schema=SCHEMA)
    op.create_index("codes_session_id_ix", "codes", ["session_id"], schema=SCHEMA)


def _tenants() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(18), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("revision", sa.String(32)),
        sa.Column("name", sa.String(120)),
        sa.Column("address", sa.String(40)),
        _created(),
        sa.Column("opened_at", _time()),
        sa.UniqueConstraint("address", name="tenants_address_key"),
        sa.CheckConstraint("(state = 'spare') = (address IS NULL)", name="tenants_address_check"),
        sa.CheckConstraint("(state = 'preparing') = (revision IS NULL)", name="tenants_revision_check"),
        schema=SCHEMA,
    )
    op.create_index("tenants_spare_ix", "tenants", ["id"], schema=SCHEMA, postgresql_where=sa.text("state = 'spare'"))
    op.create_table(
        "memberships",
        sa.Column("tenant", sa.String(18), primary_key=True),
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        _created(),
        _refers("memberships", "tenant", "tenants"),
        _refers("memberships", "user_id", "users"),
        schema=SCHEMA,
    )
    op.create_index("memberships_user_id_ix", "memberships", ["user_id"], schema=SCHEMA)


def _work() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("tenant", sa.String(18)),
        sa.Column("args", JSONB, nullable=False),
        sa.Column("queue", sa.String(16), nullable=False),
        sa.Column("limit_seconds", sa.Integer, nullable=False),
        sa.Column("max_tries", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("run_at", _time(), server_default=sa.func.now(), nullable=False),
        sa.Column("due_at", _time(), server_default=sa.func.now()),
        sa.Column("lease", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("error", sa.String),
        sa.Column("tick", sa.String(120)),
        _created(),
        sa.Column("finished_at", _time()),
        sa.UniqueConstraint("tick", name="jobs_tick_key"),
        schema=SCHEMA,
    )
    op.create_index("jobs_due_ix", "jobs", ["due_at"], schema=SCHEMA, postgresql_where=sa.text("due_at IS NOT NULL"))
    open_jobs = sa.text("state <> 'done'")
    op.create_index("jobs_open_ix", "jobs", ["state", "queue", "run_at"], schema=SCHEMA, postgresql_where=open_jobs)
    op.create_index("jobs_tenant_ix", "jobs", ["tenant", "id"], schema=SCHEMA)
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("to", sa.String(254), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("text", sa.String),
        sa.Column("state", sa.String(16), nullable=False),
        _created(),
        sa.Column("sent_at", _time()),
        schema=SCHEMA,
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("at", _time(), server_default=sa.func.now(), nullable=False),
        sa.Column("tenant", sa.String(18)),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("detail", JSONB, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("audit_tenant_ix", "audit", ["tenant", "id"], schema=SCHEMA)
    op.create_table(
        "attempts",
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("window", sa.BigInteger, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("until", _time(), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("attempts_until_ix", "attempts", ["until"], schema=SCHEMA)


def _rights() -> None:
    """Global tables are the application's alone; tenant-keyed ones show a bound tenant its own rows."""
    op.execute(
        """
        CREATE FUNCTION platform.bound() RETURNS text LANGUAGE sql STABLE AS 'SELECT current_user::text';
        GRANT USAGE ON SCHEMA platform TO fh_app, fh_tenant;
        GRANT SELECT ON platform.alembic_version TO fh_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON platform.users, platform.sessions, platform.codes, platform.tenants,
            platform.memberships, platform.jobs, platform.mails, platform.attempts TO fh_app;
        GRANT SELECT, INSERT ON platform.audit TO fh_app;
        """
    )
    for table in ("memberships", "jobs", "audit", "users"):
        op.execute(
            f"""
            ALTER TABLE platform.{table} ENABLE ROW LEVEL SECURITY;
            CREATE POLICY app ON platform.{table} TO fh_app USING (true) WITH CHECK (true);
            """
        )
    for table in ("memberships", "jobs", "audit"):
        op.execute(f"CREATE POLICY tenant ON platform.{table} TO fh_tenant USING (tenant = platform.bound())")
    # Everybody's jobs share the ticks' names and the dispatcher's rounds, which a row of this kind would hold up.
    op.execute(
        """
        CREATE POLICY fit ON platform.jobs AS RESTRICTIVE FOR INSERT TO fh_tenant WITH CHECK (tick IS NULL
            AND state = 'waiting' AND tries = 0 AND lease = 0 AND queue IN ('fast', 'slow', 'webhooks')
            AND run_at >= now() AND due_at >= now() AND error IS NULL AND finished_at IS NULL
            AND limit_seconds BETWEEN 1 AND 86400 AND max_tries BETWEEN 1 AND 100);
        """
    )
    op.execute(
        """
        CREATE POLICY tenant ON platform.users FOR SELECT TO fh_tenant USING (EXISTS (
            SELECT 1 FROM platform.memberships m WHERE m.user_id = users.id AND m.tenant = platform.bound()));
        GRANT SELECT (id, name, email) ON platform.users TO fh_tenant;
        GRANT SELECT ON platform.memberships TO fh_tenant;
        GRANT SELECT ON platform.jobs, platform.audit TO fh_tenant;
        GRANT INSERT (id, name, tenant, args, queue, limit_seconds, max_tries, state, run_at, due_at, lease, tries,
            error, tick, finished_at) ON platform.jobs TO fh_tenant;
        GRANT INSERT (id, tenant, actor, action, detail) ON platform.audit TO fh_tenant;
        """
    )


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _created() -> sa.Column[object]:
    return sa.Column("created_at", _time(), server_default=sa.func.now(), nullable=False)


def _refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = f"{table}_{column}_fkey"
    return sa.ForeignKeyConstraint([column], [f"{SCHEMA}.{target}.id"], name=name, ondelete="CASCADE")
