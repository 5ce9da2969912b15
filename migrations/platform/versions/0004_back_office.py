"""Second factors, and what operators do and note in the back office.

Phase: expand
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "platform"


def upgrade() -> None:
    _second_factors()
    _back_office()
    # Global tables, the application's alone: a tenant sees neither notes about it nor anybody's second factor.
    op.execute(
        """
        GRANT SELECT, INSERT, UPDATE, DELETE ON platform.second_factors, platform.recovery_codes, platform.notes,
            platform.operations TO fh_app;
        """
    )


def _second_factors() -> None:
    op.add_column("sessions", sa.Column("second_factor_at", _time()), schema=SCHEMA)
    op.add_column("sessions", sa.Column("second_factor_digest", sa.LargeBinary), schema=SCHEMA)
    op.create_table(
        "second_factors",
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("created_at", _time(), server_default=sa.func.now(), nullable=False),
        _refers("second_factors", "user_id", "users"),
        schema=SCHEMA,
    )
    op.create_table(
        "recovery_codes",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("user_id", sa.Uuid, nullable=False),
        _refers("recovery_codes", "user_id", "users"),
        schema=SCHEMA,
    )
    op.create_index("recovery_codes_user_id_ix", "recovery_codes", ["user_id"], schema=SCHEMA)


def _back_office() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant", sa.String(18), nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("text", sa.String(2000), nullable=False),
        sa.Column("at", _time(), server_default=sa.func.now(), nullable=False),
        _refers("notes", "tenant", "tenants"),
        schema=SCHEMA,
    )
    op.create_index("notes_tenant_ix", "notes", ["tenant", "id"], schema=SCHEMA)
    op.create_table(
        "operations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("at", _time(), server_default=sa.func.now(), nullable=False),
        sa.Column("done_at", _time()),
        schema=SCHEMA,
    )
    op.create_index("audit_actor_ix", "audit", ["actor", "id"], schema=SCHEMA)


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = f"{table}_{column}_fkey"
    return sa.ForeignKeyConstraint([column], [f"{SCHEMA}.{target}.id"], name=name, ondelete="CASCADE")
