"""The catalogue of collections, and API keys.

Phase: expand
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "fh_collections",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.String(48), nullable=False),
        sa.Column("label", sa.String(80), nullable=False),
        sa.Column("fields", JSONB, nullable=False),
        sa.Column("created_at", time, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="fh_collections_pkey"),
        sa.UniqueConstraint("name", name="fh_collections_name_key"),
    )
    op.create_table(
        "fh_keys",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("label", sa.String(80), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary, nullable=False),
        sa.Column("hint", sa.String(8), nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("created_at", time, server_default=sa.func.now(), nullable=False),
        sa.Column("last_used_at", time),
        sa.Column("revoked_at", time),
        sa.PrimaryKeyConstraint("id", name="fh_keys_pkey"),
        sa.UniqueConstraint("secret_digest", name="fh_keys_secret_digest_key"),
    )
