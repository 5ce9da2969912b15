"""What the platform's migrations grant and which policies they make; a test holds it against a migrated database.

A migration that changes rights changes them here as well.
"""

from typing import NamedTuple

ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")

_WRITTEN = (
    "attempts billing_flags billing_notices canaries checkouts codes customers grants invitations invoices job_calls "
    "job_events job_queues job_schedules jobs mails memberships notes operations overrides plans probe_reports "
    "recovery_codes second_factors sessions stripe_events subscriptions tenants trials usage usage_batches usage_hours "
    "users"
)

# By table: what the application may.
APP: dict[str, tuple[str, ...]] = {
    "alembic_version": ("SELECT",),
    "audit": ("SELECT", "INSERT"),
    "access_changes": ("SELECT", "INSERT"),
    "mrr_changes": ("SELECT", "INSERT"),
    **dict.fromkeys(_WRITTEN.split(), ROWS),
}

# And what a bound tenant may, of whole tables and of columns.
TENANT: dict[str, tuple[str, ...]] = {
    "audit": ("SELECT",),
    "jobs": ("SELECT",),
    "memberships": ("SELECT",),
    "usage": ("SELECT", "INSERT"),
}
TENANT_COLUMNS: dict[str, tuple[str, str]] = {
    "audit": ("INSERT", "id tenant actor action detail"),
    "invitations": (
        "SELECT",
        "id tenant email role invited_by created_at sent_at expires_at accepted_at revoked_at",
    ),
    "jobs": (
        "INSERT",
        "id name tenant args queue limit_seconds max_tries state run_at due_at lease tries error tick finished_at key",
    ),
    "tenants": ("SELECT", "id limits"),
    "usage": ("UPDATE", "used"),
    "usage_hours": ("SELECT", "tenant resource hour used waived"),
    "users": ("SELECT", "id name email"),
}


class Function(NamedTuple):
    """`sql` is as PostgreSQL writes it back, with single spaces; `{bound}` stands for the mode's body."""

    name: str
    sql: str
    to: str  # who may call it, beside its owner


# By how PostgreSQL tells one from another.
FUNCTIONS = {
    "platform.bound()": Function(
        "bound",
        "CREATE OR REPLACE FUNCTION platform.bound() RETURNS text LANGUAGE sql STABLE AS $function${bound}$function$",
        "PUBLIC",
    ),
    "platform.identify(pg_catalog.text,pg_catalog.bytea,interval)": Function(
        "identify",
        "CREATE OR REPLACE FUNCTION platform.identify(wanted text, digest bytea, seen_every interval)"
        " RETURNS TABLE(id character varying, name character varying, address character varying,"
        " state character varying, opened_at timestamp with time zone, plan character varying,"
        " standing character varying, suspended_reason character varying, user_id uuid, email character varying,"
        " person_name character varying, confirmed boolean, operator boolean, session_id uuid, parent_id uuid,"
        " unseen boolean, role character varying) LANGUAGE plpgsql STABLE AS $function$ BEGIN RETURN QUERY"
        " SELECT t.id, t.name, t.address, t.state, t.opened_at, t.plan, t.standing, t.suspended_reason,"
        " u.id, u.email, u.name, u.confirmed_at IS NOT NULL, u.operator,"
        " s.id, s.parent_id, s.seen_at < now() - identify.seen_every, m.role FROM platform.tenants t"
        " LEFT JOIN platform.sessions s"
        " ON s.secret_digest = identify.digest AND s.expires_at > now() AND s.tenant = t.id"
        " LEFT JOIN platform.users u ON u.id = s.user_id"
        " LEFT JOIN platform.memberships m ON m.tenant = t.id AND m.user_id = u.id"
        " WHERE t.address = identify.wanted; END $function$",
        "fh_app",
    ),
    "platform.identify_2(pg_catalog.text,pg_catalog.bytea,interval,bigint)": Function(
        "identify",
        "CREATE OR REPLACE FUNCTION platform.identify_2(wanted text, digest bytea, seen_every interval, seats bigint)"
        " RETURNS TABLE(id character varying, name character varying, address character varying,"
        " state character varying, opened_at timestamp with time zone, plan character varying,"
        " standing character varying, suspended_reason character varying, standing_until timestamp with time zone,"
        " limits jsonb, used jsonb, user_id uuid, email character varying, person_name character varying,"
        " confirmed boolean, operator boolean, session_id uuid, parent_id uuid, unseen boolean,"
        " role character varying, seated boolean) LANGUAGE plpgsql STABLE AS $function$ BEGIN RETURN QUERY"
        " SELECT t.id, t.name, t.address, t.state, t.opened_at, t.plan, t.standing, t.suspended_reason,"
        " t.standing_until, t.limits, stocks.used, u.id, u.email, u.name, u.confirmed_at IS NOT NULL, u.operator,"
        " s.id, s.parent_id, s.seen_at < now() - identify_2.seen_every, m.role,"
        " CASE WHEN m.role IS NULL THEN NULL"
        " WHEN plan.seats IS NULL OR (stocks.used->>'seats')::bigint <= plan.seats THEN true"
        " ELSE ( SELECT count(*) FROM platform.memberships o WHERE o.tenant = t.id"
        " AND (o.role <> 'owner', o.created_at, o.user_id) < (m.role <> 'owner', m.created_at, m.user_id)"
        " ) < greatest(plan.seats, 1) END FROM platform.tenants t"
        " CROSS JOIN LATERAL ( SELECT jsonb_object_agg(g.resource, g.used) AS used FROM platform.usage g"
        " WHERE g.tenant = t.id AND g.period = '' ) stocks"
        " CROSS JOIN LATERAL ( SELECT CASE WHEN t.limits ? 'seats' THEN (t.limits->>'seats')::bigint"
        " ELSE identify_2.seats END AS seats ) plan LEFT JOIN platform.sessions s"
        " ON s.secret_digest = identify_2.digest AND s.expires_at > now() AND s.tenant = t.id"
        " LEFT JOIN platform.users u ON u.id = s.user_id"
        " LEFT JOIN platform.memberships m ON m.tenant = t.id AND m.user_id = u.id"
        " WHERE t.address = identify_2.wanted; END $function$",
        "fh_app",
    ),
}


class Policy(NamedTuple):
    """As PostgreSQL writes it back, with single spaces."""

    table: str
    name: str
    to: str
    command: str = "ALL"
    kind: str = "PERMISSIVE"
    using: str | None = None
    check: str | None = None

    @property
    def sql(self) -> str:
        using = f" USING ({self.using})" if self.using else ""
        source = _SOURCES.get((self.table, self.name), self.check)
        check = f" WITH CHECK ({source})" if source else ""
        return (
            f"CREATE POLICY {self.name} ON platform.{self.table} AS {self.kind} FOR {self.command} TO {self.to}"
            f"{using}{check};"
        )


_OWN = "((tenant)::text = platform.bound())"
_FELLOWS = (
    "(EXISTS ( SELECT 1 FROM platform.memberships m"
    " WHERE ((m.user_id = users.id) AND ((m.tenant)::text = platform.bound()))))"
)
_FIT = (
    "((tick IS NULL) AND ((state)::text = 'waiting'::text) AND (tries = 0) AND (lease = 0)"
    " AND ((queue)::text = ANY ((ARRAY['fast'::character varying, 'slow'::character varying,"
    " 'webhooks'::character varying])::text[])) AND (run_at >= now()) AND (due_at >= now()) AND (error IS NULL)"
    " AND (finished_at IS NULL) AND ((limit_seconds >= 1) AND (limit_seconds <= 86400))"
    " AND ((max_tries >= 1) AND (max_tries <= 100)))"
)
# Written back in yet another way when it is made from the above.
_SOURCES = {
    ("jobs", "fit"): "tick IS NULL AND state = 'waiting' AND tries = 0 AND lease = 0"
    " AND queue IN ('fast', 'slow', 'webhooks') AND run_at >= now() AND due_at >= now() AND error IS NULL"
    " AND finished_at IS NULL AND limit_seconds BETWEEN 1 AND 86400 AND max_tries BETWEEN 1 AND 100"
}
_STOCK = "((period)::text = ''::text)"
_KEYED = ("audit", "invitations", "jobs", "memberships", "tenants", "usage", "usage_hours", "users")

POLICIES = {
    *(Policy(table, "app", "fh_app", using="true", check="true") for table in _KEYED),
    *(Policy(table, "tenant", "fh_tenant", using=_OWN) for table in ("audit", "jobs", "memberships", "usage")),
    *(Policy(table, "tenant", "fh_tenant", "SELECT", using=_OWN) for table in ("invitations", "usage_hours")),
    Policy("tenants", "tenant", "fh_tenant", "SELECT", using="((id)::text = platform.bound())"),
    Policy("users", "tenant", "fh_tenant", "SELECT", using=_FELLOWS),
    Policy("jobs", "fit", "fh_tenant", "INSERT", "RESTRICTIVE", check=_FIT),
    Policy("usage", "stocks", "fh_tenant", "INSERT", "RESTRICTIVE", check=_STOCK),
    Policy("usage", "still_stocks", "fh_tenant", "UPDATE", "RESTRICTIVE", using=_STOCK),
}
