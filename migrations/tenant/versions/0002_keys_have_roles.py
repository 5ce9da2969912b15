"""What an API key may do.

Phase: expand
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("fh_keys", sa.Column("role", sa.String(16), server_default="editor", nullable=False))
