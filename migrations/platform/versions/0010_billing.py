"""Versions of plans, overrides, seats, changes to come, dunning, trials had, notices given, flags and revenue.

Phase: expand
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCHEMA = "platform"


def upgrade() -> None:
    _plans()
    _overrides()
    _payers()
    _mirror()
    _said()
    _revenue()
    _rights()
    _standing()
    _hours()
    _identify()


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("code", sa.String(32), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("document", JSONB, nullable=False),
        _now("published_at"),
        _time("archived_at"),
        schema=SCHEMA,
    )
    _add("tenants", sa.Column("plan_version", sa.Integer, server_default="1", nullable=False))
    _add("grants", sa.Column("version", sa.Integer, server_default="1", nullable=False))


def _overrides() -> None:
    op.create_table(
        "overrides",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant("overrides"),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("value", sa.BigInteger),
        _time("until"),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("author", sa.String, nullable=False),
        _now("created_at"),
        _time("ended_at"),
        schema=SCHEMA,
    )
    live = sa.text("ended_at IS NULL")
    op.create_index(
        "overrides_live_ix", "overrides", ["tenant", "resource"], unique=True, schema=SCHEMA, postgresql_where=live
    )


def _payers() -> None:
    _add(
        "customers",
        sa.Column("currency", sa.String(3)),
        sa.Column("balance", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("card_brand", sa.String(32)),
        sa.Column("card_last4", sa.String(4)),
        sa.Column("card_expires", sa.String(7)),
        sa.Column("spending_cap", sa.BigInteger),
        _time("clock_at"),
        _time("deleted_at"),
        sa.Column("acting", sa.Uuid),
        _time("acting_until"),
        _time("fetched_at"),
    )
    _add(
        "checkouts",
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        sa.Column("currency", sa.String(3), server_default="usd", nullable=False),
        sa.Column("seats", sa.Integer, server_default="0", nullable=False),
    )
    op.create_table(
        "trials",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        # Who has tried is remembered when the account is gone.
        sa.Column(
            "tenant",
            sa.String(18),
            sa.ForeignKey(f"{SCHEMA}.tenants.id", name="trials_tenant_fkey", ondelete="SET NULL"),
        ),
        _now("at"),
        schema=SCHEMA,
    )


def _mirror() -> None:
    _add(
        "subscriptions",
        sa.Column("version", sa.Integer),
        _time("period_start"),
        sa.Column("monthly", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("seat_item", sa.String(255)),
        sa.Column("seats", sa.Integer, server_default="0", nullable=False),
        sa.Column("seats_paid", sa.Integer, server_default="0", nullable=False),
        _time("seats_paid_until"),
        _time("metered_since"),
        sa.Column("metered_item", sa.String(255)),
        sa.Column("schedule", sa.String(255)),
        sa.Column("next_plan", sa.String(32)),
        sa.Column("next_version", sa.Integer),
        sa.Column("next_interval", sa.String(8)),
        _time("next_at"),
        sa.Column("discount", sa.String(200)),
        sa.Column("own_price", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("cancel_reason", sa.String(500)),
    )
    op.execute(f"UPDATE {SCHEMA}.subscriptions SET version = 1 WHERE plan IS NOT NULL")  # noqa: S608
    _add(
        "invoices",
        _count("subtotal"),
        sa.Column("customer", sa.String(255)),
        _count("discount"),
        _count("tax"),
        _count("credited"),
        sa.Column("reason", sa.String(40)),
        _time("finalized_at"),
        _time("paid_at"),
        sa.Column("confirm", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("disputed", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("failed", sa.Boolean, server_default=sa.false(), nullable=False),
    )
    _add("stripe_events", _time("created_at"), sa.Column("object_id", sa.String(255)))
    open_ = sa.text("handled_at IS NULL")
    op.create_index("stripe_events_open_ix", "stripe_events", ["received_at"], schema=SCHEMA, postgresql_where=open_)


def _said() -> None:
    op.create_table(
        "billing_notices",
        _tenant("billing_notices", primary_key=True),
        sa.Column("kind", sa.String(40), primary_key=True),
        sa.Column("about", sa.String(255), primary_key=True),
        _now("at"),
        schema=SCHEMA,
    )
    op.create_table(
        "billing_flags",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant("billing_flags"),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("about", sa.String(255), nullable=False),
        sa.Column("text", sa.String(500), nullable=False),
        _now("raised_at"),
        _time("cleared_at"),
        sa.Column("cleared_by", sa.String),
        sa.UniqueConstraint("kind", "about", name="billing_flags_kind_about_key"),
        schema=SCHEMA,
    )
    op.create_index("billing_flags_tenant_ix", "billing_flags", ["tenant"], schema=SCHEMA)


def _revenue() -> None:
    op.create_table(
        "mrr_changes",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant("mrr_changes"),
        _time("at", nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("plan", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("before", sa.BigInteger, nullable=False),
        sa.Column("after", sa.BigInteger, nullable=False),
        sa.Column("subscription", sa.String(255), nullable=False),
        sa.Column("plan_before", sa.String(32), nullable=False),
        sa.Column("livemode", sa.Boolean, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("mrr_changes_tenant_ix", "mrr_changes", ["tenant", "at"], schema=SCHEMA)
    op.create_index("mrr_changes_at_ix", "mrr_changes", ["at"], schema=SCHEMA)


def _rights() -> None:
    """Global tables, all of them: a bound tenant has nothing to read or write here."""
    op.execute(
        """
        GRANT SELECT, INSERT, UPDATE, DELETE ON platform.plans, platform.overrides, platform.trials,
            platform.billing_notices, platform.billing_flags TO fh_app;
        GRANT SELECT, INSERT ON platform.mrr_changes TO fh_app;
        """
    )


def _standing() -> None:
    _add("tenants", _time("standing_until"))


def _hours() -> None:
    """What was used of each flow by the hour. A bound tenant reads its own, but not what Stripe has been told of it."""
    op.create_table(
        "usage_hours",
        _tenant("usage_hours", primary_key=True),
        sa.Column("resource", sa.String(40), primary_key=True),
        sa.Column("hour", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("sent", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("sending", sa.BigInteger),
        _time("sending_at"),
        sa.Column("waived", sa.BigInteger, server_default="0", nullable=False),
        schema=SCHEMA,
    )
    op.create_index("usage_hours_hour_ix", "usage_hours", ["hour"], schema=SCHEMA)
    op.execute(
        """
        GRANT SELECT, INSERT, UPDATE, DELETE ON platform.usage_hours TO fh_app;
        ALTER TABLE platform.usage_hours ENABLE ROW LEVEL SECURITY;
        CREATE POLICY app ON platform.usage_hours TO fh_app USING (true) WITH CHECK (true);
        CREATE POLICY tenant ON platform.usage_hours FOR SELECT TO fh_tenant USING (tenant = platform.bound());
        GRANT SELECT (tenant, resource, hour, used, waived) ON platform.usage_hours TO fh_tenant;
        """
    )


def _identify() -> None:
    """As 0008's, with limits, what there is of each stock, and whether the plan has a seat for the member.

    `seats` are those of a plan that does not say how many it has. The first owner always has one. 0008's is called by
    the release before this one; the release after this one drops it.
    """
    op.execute(
        """
        CREATE FUNCTION platform.identify_2(wanted text, digest bytea, seen_every interval, seats bigint)
        RETURNS TABLE (
            id varchar, name varchar, address varchar, state varchar, opened_at timestamptz, plan varchar,
            standing varchar, suspended_reason varchar, standing_until timestamptz, limits jsonb, used jsonb,
            user_id uuid, email varchar, person_name varchar, confirmed boolean, operator boolean, session_id uuid,
            parent_id uuid, unseen boolean, role varchar, seated boolean
        ) LANGUAGE plpgsql STABLE AS $$
        BEGIN
            RETURN QUERY
            SELECT t.id, t.name, t.address, t.state, t.opened_at, t.plan, t.standing, t.suspended_reason,
                t.standing_until, t.limits, stocks.used,
                u.id, u.email, u.name, u.confirmed_at IS NOT NULL, u.operator,
                s.id, s.parent_id, s.seen_at < now() - identify_2.seen_every, m.role,
                CASE
                    WHEN m.role IS NULL THEN NULL
                    WHEN plan.seats IS NULL OR (stocks.used->>'seats')::bigint <= plan.seats THEN true
                    ELSE (
                        SELECT count(*) FROM platform.memberships o WHERE o.tenant = t.id
                            AND (o.role <> 'owner', o.created_at, o.user_id)
                                < (m.role <> 'owner', m.created_at, m.user_id)
                    ) < greatest(plan.seats, 1)
                END
            FROM platform.tenants t
            CROSS JOIN LATERAL (
                SELECT jsonb_object_agg(g.resource, g.used) AS used FROM platform.usage g
                WHERE g.tenant = t.id AND g.period = ''
            ) stocks
            CROSS JOIN LATERAL (
                SELECT CASE WHEN t.limits ? 'seats' THEN (t.limits->>'seats')::bigint ELSE identify_2.seats END AS seats
            ) plan
            LEFT JOIN platform.sessions s
                ON s.secret_digest = identify_2.digest AND s.expires_at > now() AND s.tenant = t.id
            LEFT JOIN platform.users u ON u.id = s.user_id
            LEFT JOIN platform.memberships m ON m.tenant = t.id AND m.user_id = u.id
            WHERE t.address = identify_2.wanted;
        END
        $$;
        REVOKE EXECUTE ON FUNCTION platform.identify_2(text, bytea, interval, bigint) FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION platform.identify_2(text, bytea, interval, bigint) TO fh_app;
        """
    )


def _add(table: str, *columns: sa.Column[Any]) -> None:
    for column in columns:
        op.add_column(table, column, schema=SCHEMA)


def _tenant(table: str, *, primary_key: bool = False) -> sa.Column[str]:
    refers = sa.ForeignKey(f"{SCHEMA}.tenants.id", name=f"{table}_tenant_fkey", ondelete="CASCADE")
    return sa.Column("tenant", sa.String(18), refers, primary_key=primary_key, nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, server_default="0", nullable=False)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
