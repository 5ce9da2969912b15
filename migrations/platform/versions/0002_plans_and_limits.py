"""What each tenant's plan allows, what it uses, and whether it is suspended.

Phase: expand
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "platform"


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    for column in (
        sa.Column("plan", sa.String(32), server_default="free", nullable=False),
        sa.Column("limits", JSONB, server_default="{}", nullable=False),
        sa.Column("standing", sa.String(16), server_default="good", nullable=False),
        sa.Column("suspended_at", time),
        sa.Column("suspended_reason", sa.String(500)),
    ):
        op.add_column("tenants", column, schema=SCHEMA)
    op.create_table(
        "usage",
        sa.Column("tenant", sa.String(18), primary_key=True),
        sa.Column("resource", sa.String(40), primary_key=True),
        sa.Column("period", sa.String(7), primary_key=True),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["tenant"], [f"{SCHEMA}.tenants.id"], name="usage_tenant_fkey", ondelete="CASCADE"),
        schema=SCHEMA,
    )
    op.create_table(
        "usage_batches",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("at", time, server_default=sa.func.now(), nullable=False),
        schema=SCHEMA,
    )
    _rights()
    _count_what_is_there()


def _rights() -> None:
    """A bound tenant reads its own limits and counts its own stocks; it can't touch what it used of a flow."""
    op.execute(
        """
        GRANT SELECT, INSERT, UPDATE, DELETE ON platform.usage, platform.usage_batches TO fh_app;
        ALTER TABLE platform.tenants ENABLE ROW LEVEL SECURITY;
        CREATE POLICY app ON platform.tenants TO fh_app USING (true) WITH CHECK (true);
        CREATE POLICY tenant ON platform.tenants FOR SELECT TO fh_tenant USING (id = platform.bound());
        GRANT SELECT (id, limits) ON platform.tenants TO fh_tenant;
        ALTER TABLE platform.usage ENABLE ROW LEVEL SECURITY;
        CREATE POLICY app ON platform.usage TO fh_app USING (true) WITH CHECK (true);
        CREATE POLICY tenant ON platform.usage TO fh_tenant USING (tenant = platform.bound());
        CREATE POLICY stocks ON platform.usage AS RESTRICTIVE FOR INSERT TO fh_tenant WITH CHECK (period = '');
        CREATE POLICY still_stocks ON platform.usage AS RESTRICTIVE FOR UPDATE TO fh_tenant USING (period = '');
        GRANT SELECT, INSERT, UPDATE (used) ON platform.usage TO fh_tenant;
        """
    )


def _count_what_is_there() -> None:
    """The seats of those who are members already."""
    op.execute(
        """
        INSERT INTO platform.usage (tenant, resource, period, used)
            SELECT tenant, 'seats', '', count(*) FROM platform.memberships GROUP BY tenant
        """
    )
