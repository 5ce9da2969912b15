"""Customers, checkouts, subscriptions, invoices and events of Stripe; why access changed.

Phase: expand
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "platform"


def upgrade() -> None:
    _payers()
    _mirror()
    _access()
    _rights()


def _payers() -> None:
    op.create_table(
        "customers",
        _tenant("customers", primary_key=True),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("stripe_id", sa.String(255)),
        sa.Column("livemode", sa.Boolean, nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        _now("created_at"),
        sa.UniqueConstraint("id", name="customers_id_key"),
        sa.UniqueConstraint("stripe_id", name="customers_stripe_id_key"),
        schema=SCHEMA,
    )
    op.create_table(
        "checkouts",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant("checkouts"),
        sa.Column("plan", sa.String(32), nullable=False),
        sa.Column("interval", sa.String(8), nullable=False),
        sa.Column("trial_days", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("session_id", sa.String(255)),
        sa.Column("url", sa.String),
        sa.Column("return_url", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        _time("expires_at", nullable=False),
        _now("created_at"),
        _time("ended_at"),
        sa.UniqueConstraint("session_id", name="checkouts_session_id_key"),
        schema=SCHEMA,
    )
    live = sa.text("state IN ('starting', 'open')")
    op.create_index("checkouts_live_ix", "checkouts", ["tenant"], unique=True, schema=SCHEMA, postgresql_where=live)


def _mirror() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(255), primary_key=True),
        _tenant("subscriptions"),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("plan", sa.String(32)),
        sa.Column("interval", sa.String(8)),
        sa.Column("item", sa.String(255), nullable=False),
        sa.Column("amount", sa.Integer, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("livemode", sa.Boolean, nullable=False),
        _time("started_at", nullable=False),
        _time("period_end"),
        _time("trial_end"),
        _time("cancel_at"),
        _time("ended_at"),
        _time("fetched_at", nullable=False),
        schema=SCHEMA,
    )
    op.create_index("subscriptions_tenant_ix", "subscriptions", ["tenant"], schema=SCHEMA)
    op.create_table(
        "invoices",
        sa.Column("id", sa.String(255), primary_key=True),
        _tenant("invoices"),
        sa.Column("subscription", sa.String(255)),
        sa.Column("number", sa.String(64)),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("total", "due", "paid", "refunded", "attempts")),
        _time("next_attempt_at"),
        sa.Column("payment", sa.String(255)),
        sa.Column("page_url", sa.String),
        sa.Column("pdf_url", sa.String),
        _time("created_at", nullable=False),
        _time("fetched_at", nullable=False),
        schema=SCHEMA,
    )
    op.create_index("invoices_tenant_ix", "invoices", ["tenant", "created_at"], schema=SCHEMA)
    op.create_index("invoices_payment_ix", "invoices", ["payment"], schema=SCHEMA)
    op.create_table(
        "stripe_events",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("type", sa.String(100), nullable=False),
        sa.Column("livemode", sa.Boolean, nullable=False),
        sa.Column("payload", sa.String, nullable=False),
        _now("received_at"),
        _time("handled_at"),
        sa.Column("outcome", sa.String(40)),
        _tenant("stripe_events", nullable=True),
        schema=SCHEMA,
    )
    op.create_index("stripe_events_received_at_ix", "stripe_events", ["received_at"], schema=SCHEMA)


def _access() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant("grants"),
        sa.Column("plan", sa.String(32), nullable=False),
        _time("until"),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("author", sa.String, nullable=False),
        _now("created_at"),
        _time("ended_at"),
        schema=SCHEMA,
    )
    live = sa.text("ended_at IS NULL")
    op.create_index("grants_live_ix", "grants", ["tenant"], unique=True, schema=SCHEMA, postgresql_where=live)
    op.create_table(
        "access_changes",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant("access_changes"),
        _now("at"),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("rule", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(500)),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("access_changes_tenant_ix", "access_changes", ["tenant", "id"], schema=SCHEMA)


def _rights() -> None:
    """Global tables, all of them: a bound tenant has nothing to read or write here."""
    op.execute(
        """
        GRANT SELECT, INSERT, UPDATE, DELETE ON platform.customers, platform.checkouts, platform.subscriptions,
            platform.invoices, platform.stripe_events, platform.grants TO fh_app;
        GRANT SELECT, INSERT ON platform.access_changes TO fh_app;
        """
    )


def _tenant(table: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[str]:
    refers = sa.ForeignKey(f"{SCHEMA}.tenants.id", name=f"{table}_tenant_fkey", ondelete="CASCADE")
    return sa.Column("tenant", sa.String(18), refers, primary_key=primary_key, nullable=nullable)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
