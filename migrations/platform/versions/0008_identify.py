"""Who asks for which workspace, as a function whose plan is kept; an index of the tenants that wait for a schema.

The application of the release before calls the function that it knows while this one is rolled out, and the other way
round. So a revision that changes what `identify` takes or returns makes one under another name, and drops this one in
its contract phase.

Phase: expand
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCHEMA = "platform"


def upgrade() -> None:
    _identify()
    waiting, name = sa.text("state = 'preparing'"), "tenants_preparing_ix"
    op.create_index(name, "tenants", ["opened_at", "id"], schema=SCHEMA, postgresql_where=waiting)


def _identify() -> None:
    """PL/pgSQL, since it keeps the plan for as long as the connection lives (docs/decisions/0012).

    Whoever calls it needs the rights on the tables. Each name is a table's or the function's own, whatever columns the
    tables will have one day.
    """
    op.execute(
        """
        CREATE FUNCTION platform.identify(wanted text, digest bytea, seen_every interval)
        RETURNS TABLE (
            id varchar, name varchar, address varchar, state varchar, opened_at timestamptz, plan varchar,
            standing varchar, suspended_reason varchar, user_id uuid, email varchar, person_name varchar,
            confirmed boolean, operator boolean, session_id uuid, parent_id uuid, unseen boolean, role varchar
        ) LANGUAGE plpgsql STABLE AS $$
        BEGIN
            RETURN QUERY
            SELECT t.id, t.name, t.address, t.state, t.opened_at, t.plan, t.standing, t.suspended_reason,
                u.id, u.email, u.name, u.confirmed_at IS NOT NULL, u.operator,
                s.id, s.parent_id, s.seen_at < now() - identify.seen_every, m.role
            FROM platform.tenants t
            LEFT JOIN platform.sessions s
                ON s.secret_digest = identify.digest AND s.expires_at > now() AND s.tenant = t.id
            LEFT JOIN platform.users u ON u.id = s.user_id
            LEFT JOIN platform.memberships m ON m.tenant = t.id AND m.user_id = u.id
            WHERE t.address = identify.wanted;
        END
        $$;
        REVOKE EXECUTE ON FUNCTION platform.identify(text, bytea, interval) FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION platform.identify(text, bytea, interval) TO fh_app;
        """
    )
