"""Which revision each module's tables are at.

Phase: expand
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "platform"


def upgrade() -> None:
    revisions = sa.Column("module_revisions", JSONB, server_default="{}", nullable=False)
    op.add_column("tenants", revisions, schema=SCHEMA)
