"""Roles, invitations, and what is known of a session.

Phase: expand
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "platform"
OPEN = "accepted_at IS NULL AND revoked_at IS NULL"


def upgrade() -> None:
    op.execute("UPDATE platform.memberships SET role = 'developer' WHERE role = 'member'")
    for column in (
        sa.Column("user_agent", sa.String(200)),
        sa.Column("network", sa.String(45)),
        sa.Column("seen_at", _time(), server_default=sa.func.now(), nullable=False),
    ):
        op.add_column("sessions", column, schema=SCHEMA)
    _invitations()
    _rights()


def _invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant", sa.String(18), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary, nullable=False),
        sa.Column("invited_by", sa.Uuid, nullable=False),
        sa.Column("created_at", _time(), server_default=sa.func.now(), nullable=False),
        sa.Column("sent_at", _time(), server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", _time(), nullable=False),
        sa.Column("accepted_at", _time()),
        sa.Column("revoked_at", _time()),
        _refers("tenant", "tenants"),
        _refers("invited_by", "users"),
        sa.UniqueConstraint("secret_digest", name="invitations_secret_digest_key"),
        schema=SCHEMA,
    )
    op.create_index("invitations_invited_by_ix", "invitations", ["invited_by"], schema=SCHEMA)
    op.create_index(
        "invitations_open_key",
        "invitations",
        ["tenant", "email"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text(OPEN),
    )


def _rights() -> None:
    """A bound tenant reads its invitations, but for their secrets' digests, and changes none."""
    readable = "id, tenant, email, role, invited_by, created_at, sent_at, expires_at, accepted_at, revoked_at"
    op.execute(
        f"""
        GRANT SELECT, INSERT, UPDATE, DELETE ON platform.invitations TO fh_app;
        ALTER TABLE platform.invitations ENABLE ROW LEVEL SECURITY;
        CREATE POLICY app ON platform.invitations TO fh_app USING (true) WITH CHECK (true);
        CREATE POLICY tenant ON platform.invitations FOR SELECT TO fh_tenant USING (tenant = platform.bound());
        GRANT SELECT ({readable}) ON platform.invitations TO fh_tenant;
        """
    )


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _refers(column: str, target: str) -> sa.ForeignKeyConstraint:
    name = f"invitations_{column}_fkey"
    return sa.ForeignKeyConstraint([column], [f"{SCHEMA}.{target}.id"], name=name, ondelete="CASCADE")
