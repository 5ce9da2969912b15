"""The isolation probe's two tenants, and what it reports.

Phase: expand
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = "platform"


def upgrade() -> None:
    _canaries()
    _reports()
    # Global tables, the application's alone: no tenant learns of the probe.
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON platform.canaries, platform.probe_reports TO fh_app")


def _canaries() -> None:
    tenant = sa.ForeignKey(f"{SCHEMA}.tenants.id", name="canaries_tenant_fkey", ondelete="CASCADE")
    op.create_table(
        "canaries",
        sa.Column("tenant", sa.String(18), tenant, primary_key=True),
        sa.Column("sign", sa.String(32), nullable=False),
        sa.Column("entry", sa.LargeBinary),
        schema=SCHEMA,
    )


def _reports() -> None:
    op.create_table(
        "probe_reports",
        sa.Column("id", sa.Uuid, primary_key=True),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("started_at", "finished_at")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("attempts", "blind", "crossed")),
        *(sa.Column(name, JSONB, nullable=False) for name in ("ways", "findings")),
        schema=SCHEMA,
    )
    crossed, name = sa.text("crossed > 0"), "probe_reports_crossed_ix"
    op.create_index(name, "probe_reports", ["started_at"], schema=SCHEMA, postgresql_where=crossed)
