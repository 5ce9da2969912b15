"""What a bound tenant sees and may do in the platform's own tables.

Each control runs the same statement as the tenant's role with the defence taken away, in the superuser's transaction,
which is then rolled back.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg2
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import ProgrammingError

from saas.accounts.models import User
from saas.core import audit
from saas.core.audit import AuditEntry
from saas.core.database import Base, transaction
from saas.core.ids import uuid7
from saas.core.jobs import Job, enqueue, registry
from saas.core.settings import Settings
from tenants import isolation
from tenants.isolation import guard, names
from tenants.isolation.modes import MODES
from tenants.members import service as members
from tenants.members.models import Invitation, Membership, Role
from tenants.usage.models import Usage, UsageHour
from tests.support import database
from tests.support import jobs as _registered  # noqa: F401
from tests.support.contexts import context, driver
from tests.tenants.isolation.conftest import Superuser

SEEN = ("memberships", "jobs", "audit", "users", "tenants", "usage", "usage_hours", "invitations")
COLUMNS = {"id", "name", "email"}  # of a fellow member
TABLES = {table.name for table in Base.metadata.sorted_tables} | {"alembic_version"}

FOREIGN_ROWS = {
    "memberships": "SELECT tenant FROM platform.memberships",
    "jobs": "SELECT tenant FROM platform.jobs",
    "audit": "SELECT tenant FROM platform.audit",
    "users": "SELECT email FROM platform.users",
    "tenants": "SELECT id FROM platform.tenants",
    "usage": "SELECT tenant FROM platform.usage",
    "usage_hours": "SELECT tenant FROM platform.usage_hours",
    "invitations": "SELECT tenant FROM platform.invitations",
}


@pytest.fixture(scope="module")
def solo(solo_in_both: Flask) -> Flask:
    return solo_in_both


@pytest.fixture(autouse=True)
def _names_of_tenants_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked here is the server, in statements that spell a tenant's id."""
    monkeypatch.setattr(names, "check", lambda _statement: None)


@dataclass
class Two:
    """Two tenants with a member, a job and an audit entry each; the first has one member more."""

    mine: str
    yours: str
    my_emails: set[str]
    your_email: str
    your_job: str

    def is_foreign(self, value: str | None) -> bool:
        return value in {None, self.yours, self.your_email}


@pytest.fixture
def two(solo: Flask, tenant: str, other: str) -> Two:
    emails = [f"{secrets.token_hex(8)}@example.com" for _ in range(3)]
    job = uuid7()
    with context(solo) as session, transaction():
        for email, whose in zip(emails, (tenant, tenant, other), strict=True):
            user = User(id=uuid7(), email=email, name="Somebody", password_hash=f"hash of {email}")
            session.add(user)
            session.flush()
            session.add(Membership(tenant=whose, user_id=user.id, role=Role.EDITOR))
            session.add(invitation(whose, user.id))
        for whose, key in ((tenant, uuid7()), (other, job), (None, uuid7())):
            session.add(Job(id=key, tenant=whose, due_at=None, **JOB))
            if whose:
                session.add(Usage(tenant=whose, resource="tests", period="", used=1))
                session.add(UsageHour(tenant=whose, resource="tests", hour=sa.func.now(), used=1))
            session.add(AuditEntry(tenant=whose, actor="system", action="tests.row", detail={"whose": whose}))
    return Two(tenant, other, set(emails[:2]), emails[2], str(job))


def invitation(tenant: str, by: UUID) -> Invitation:
    secret, email = secrets.token_bytes(32), f"{secrets.token_hex(8)}@example.com"
    values = {"email": email, "secret_digest": secret, "invited_by": by, "expires_at": sa.func.now()}
    return Invitation(tenant=tenant, role=Role.OWNER, **values)


JOB = {"name": "tests.row", "args": [], "queue": "none", "limit_seconds": 60, "max_tries": 8}

Open = Callable[..., contextlib.AbstractContextManager[Any]]


@pytest.fixture
def without(superuser: Superuser, own: Settings) -> Open:
    """Opens a cursor that is a tenant's role, after statements that take a defence away."""

    @contextlib.contextmanager
    def open_(tenant: str, *defences: str) -> Iterator[Any]:
        with superuser(own) as cursor:
            for statement in defences:
                cursor.execute(statement)
            role = MODES[own.tenant_isolation].role_of(tenant)
            cursor.execute(f'SET LOCAL ROLE "{role}"; SET LOCAL search_path = "{tenant}"')
            yield cursor

    return open_


def open_to_all(table: str) -> str:
    return f"ALTER TABLE platform.{table} DISABLE ROW LEVEL SECURITY"


def rows(app: Flask, tenant: str, statement: str) -> set[Any]:
    with context(app, tenant) as session:
        return set(session.scalars(sa.text(statement)))


# Rows


@pytest.mark.parametrize("table", SEEN)
def test_a_tenant_sees_its_own_rows_only(solo: Flask, two: Two, without: Open, table: str) -> None:
    own = two.my_emails if table == "users" else {two.mine}
    assert rows(solo, two.mine, FOREIGN_ROWS[table]) == own
    with without(two.mine, open_to_all(table)) as cursor:
        cursor.execute(FOREIGN_ROWS[table])
        assert any(two.is_foreign(value) for (value,) in cursor.fetchall())


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT tenant FROM platform.jobs WHERE tenant = 'YOURS'",
        "SELECT 'YOURS' WHERE EXISTS (SELECT FROM platform.jobs WHERE tenant = 'YOURS')",
        "SELECT 'YOURS' FROM platform.jobs WHERE tenant <> 'MINE' OR tenant IS NULL",
        "SELECT max(tenant) FROM platform.jobs WHERE id = 'JOB'",
        "WITH j AS (SELECT * FROM platform.jobs) SELECT tenant FROM j WHERE id = 'JOB'",
        "SELECT a.tenant FROM (SELECT 1) o LEFT JOIN LATERAL (SELECT * FROM platform.jobs WHERE id = 'JOB') a ON true",
        "SELECT tenant FROM platform.jobs UNION ALL SELECT tenant FROM platform.jobs WHERE id = 'JOB' ORDER BY 1 DESC",
        "SELECT j.tenant FROM platform.jobs j JOIN platform.jobs k USING (id) WHERE k.id = 'JOB'",
        "INSERT INTO ENTRIES SELECT id, 'MINE', tenant, 'x', '{}' FROM platform.jobs WHERE id = 'JOB' RETURNING actor",
    ],
)
def test_no_form_of_a_query_shows_a_foreign_row(solo: Flask, two: Two, without: Open, statement: str) -> None:
    statement = statement.replace("YOURS", two.yours).replace("MINE", two.mine)
    statement = statement.replace("JOB", two.your_job)
    statement = statement.replace("ENTRIES", "platform.audit (id, tenant, actor, action, detail)")
    assert two.yours not in rows(solo, two.mine, statement)
    with without(two.mine, open_to_all("jobs")) as cursor:
        cursor.execute(statement)
        assert two.yours in {value for (value,) in cursor.fetchall()}


def test_a_condition_is_not_even_asked_of_a_foreign_row(solo: Flask, two: Two, without: Open) -> None:
    """Else what fails on a row would tell of it."""
    statement = f"SELECT id FROM platform.users WHERE 1 / (CASE email WHEN '{two.your_email}' THEN 0 ELSE 1 END) > 5"
    assert rows(solo, two.mine, statement) == set()
    with without(two.mine, open_to_all("users")) as cursor, pytest.raises(psycopg2.errors.DivisionByZero):
        cursor.execute(statement)


def test_the_members_of_a_tenant_are_its_own(solo: Flask, two: Two) -> None:
    with context(solo, two.mine):
        assert {member.email for member in members.members()} == two.my_emails
    with context(solo, two.yours):
        assert {member.email for member in members.members()} == {two.your_email}
    with context(solo):  # the control: the same query without a tenant
        assert {member.email for member in members.members()} >= two.my_emails | {two.your_email}


def test_somebody_who_belongs_to_both_tenants_is_seen_by_both(solo: Flask, two: Two) -> None:
    with context(solo) as session, transaction():
        user = session.scalars(sa.select(User).where(User.email == two.your_email)).one()
        session.add(Membership(tenant=two.mine, user_id=user.id, role=Role.EDITOR))
    assert rows(solo, two.mine, FOREIGN_ROWS["users"]) == two.my_emails | {two.your_email}
    assert rows(solo, two.mine, FOREIGN_ROWS["memberships"]) == {two.mine}
    assert rows(solo, two.yours, FOREIGN_ROWS["users"]) == {two.your_email}


# Columns


@pytest.mark.parametrize("column", [column.name for column in User.__table__.columns])
def test_of_a_fellow_member_only_id_name_and_email_can_be_read(solo: Flask, two: Two, column: str) -> None:
    ways = (f"SELECT {column} FROM platform.users", f"SELECT 1 FROM platform.users ORDER BY {column}")
    for way in ways:
        if column in COLUMNS:
            assert len(list(rows(solo, two.mine, way))) > 0
            continue
        with pytest.raises(ProgrammingError, match="permission denied for table users"):
            rows(solo, two.mine, way)
        with context(solo) as session:  # the control
            assert session.execute(sa.text(way)).all()


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM platform.users", "SELECT users FROM platform.users", "SELECT count(u.*) FROM platform.users u"],
)
def test_a_whole_row_of_a_fellow_member_can_not_be_read(solo: Flask, two: Two, without: Open, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied for table users"):
        rows(solo, two.mine, statement)
    with without(two.mine, "GRANT SELECT ON platform.users TO fh_tenant") as cursor:
        cursor.execute(statement)
        assert cursor.fetchall()


def test_the_digest_of_an_invitations_secret_can_not_be_read(solo: Flask, two: Two, without: Open) -> None:
    statement = "SELECT secret_digest FROM platform.invitations"
    with pytest.raises(ProgrammingError, match="permission denied for table invitations"):
        rows(solo, two.mine, statement)
    with without(two.mine, "GRANT SELECT ON platform.invitations TO fh_tenant") as cursor:
        cursor.execute(statement)
        assert len(cursor.fetchall()) == 2  # its own, still


# Writing


INSERTS = {
    "jobs": "INSERT INTO platform.jobs (id, tenant, name, args, queue, limit_seconds, max_tries, state, tries, lease)"
    " VALUES (gen_random_uuid(), {tenant}, 'x', '[]', 'fast', 60, 8, 'waiting', 0, 0) RETURNING tenant",
    "audit": "INSERT INTO platform.audit (id, tenant, actor, action, detail)"
    " VALUES (gen_random_uuid(), {tenant}, 'system', 'x', '{{}}') RETURNING tenant",
}


@pytest.mark.parametrize("table", INSERTS)
def test_a_row_can_be_added_for_oneself_and_for_nobody_else(solo: Flask, two: Two, without: Open, table: str) -> None:
    statement = INSERTS[table]
    with context(solo, two.mine) as session:
        assert session.scalars(sa.text(statement.format(tenant=f"'{two.mine}'"))).all() == [two.mine]
    for tenant in (f"'{two.yours}'", "NULL"):
        refused = pytest.raises(ProgrammingError, match="violates row-level security policy")
        with context(solo, two.mine) as session, refused:
            session.execute(sa.text(statement.format(tenant=tenant)))
        with without(two.mine, open_to_all(table)) as cursor:
            cursor.execute(statement.format(tenant=tenant))
            assert cursor.rowcount == 1


def test_a_tenant_counts_its_own_stocks_and_neither_a_flow_nor_anothers(solo: Flask, two: Two, without: Open) -> None:
    """What it has called this month is counted by the application alone."""
    with context(solo) as session, transaction():
        session.add(Usage(tenant=two.mine, resource="tests.calls", period="2026-11", used=5))
    change = "UPDATE platform.usage SET used = used"
    add = "INSERT INTO platform.usage (tenant, resource, period, used) VALUES ('{}', 'tests.more', '{}', 0)"
    flow, anothers = add.format(two.mine, "2026-11"), add.format(two.yours, "")
    with context(solo, two.mine) as session, driver(session).cursor() as cursor:
        cursor.execute(change)
        assert cursor.rowcount == 1
        cursor.execute(add.format(two.mine, ""))
    for statement in (flow, anothers):
        refused = pytest.raises(ProgrammingError, match="violates row-level security policy")
        with context(solo, two.mine) as session, refused:
            session.execute(sa.text(statement))
    with without(two.mine, "DROP POLICY still_stocks ON platform.usage") as cursor:
        cursor.execute(change)
        assert cursor.rowcount == 2
    with without(two.mine, "DROP POLICY stocks ON platform.usage") as cursor:
        cursor.execute(flow)
    with without(two.mine, open_to_all("usage")) as cursor:
        cursor.execute(anothers)


@pytest.mark.parametrize("delay", [None, timedelta(hours=1)])
def test_what_the_services_write_for_a_bound_tenant_may_be_written(
    solo: Flask, two: Two, delay: timedelta | None
) -> None:
    with context(solo, two.mine) as session:
        enqueue("tests.tenant", two.mine, ["mark"], delay=delay)
        audit.record("tests.row", actor="x", tenant=two.mine, whose="mine")
        session.flush()
        assert len(session.scalars(sa.select(Job)).all()) == 2
        assert len(session.scalars(sa.select(AuditEntry)).all()) == 2


def test_a_bound_tenant_asks_once_by_a_key_that_another_may_have(solo: Flask, two: Two) -> None:
    """Whether another has it is not to be told by whether a row is added."""
    for tenant in (two.yours, two.mine):
        with context(solo, tenant) as session, transaction():
            for _ in range(2):
                enqueue("tests.tenant", tenant, ["mark"], key="the same")
            mine = sa.select(Job.tenant).where(Job.key == "the same")
            assert session.scalars(mine).all() == [tenant]
    with context(solo, two.mine) as session, pytest.raises(ProgrammingError, match="row-level security"):
        enqueue("tests.tenant", two.yours, ["mark"], key="the same")


GOOD_JOB = {"name": "x", "args": "[]", "queue": "fast", "limit_seconds": 60, "max_tries": 8, "state": "waiting",
            "tries": 0, "lease": 0}  # fmt: skip


@pytest.mark.parametrize("changed", [
    {"tick": "tenants.refill@1"}, {"state": "leased"}, {"state": "done"}, {"tries": -1}, {"tries": 1}, {"lease": 1},
    {"limit_seconds": 0}, {"limit_seconds": 86_401}, {"limit_seconds": 2**31 - 1},
    {"max_tries": 0}, {"max_tries": 101}, {"max_tries": 2**31 - 1}, {"queue": "somewhere"},
    {"run_at": "2000-01-01"}, {"run_at": "-infinity"}, {"due_at": "2000-01-01"}, {"due_at": None},
    {"error": "x"}, {"finished_at": "2000-01-01"}, {"created_at": "2000-01-01"},
], ids=str)  # fmt: skip
def test_a_tenants_job_can_not_hold_up_everybodys(
    solo: Flask, two: Two, without: Open, changed: dict[str, Any]
) -> None:
    """A tick's name is the platform's, and one row that the dispatcher can't count with would stop all of its round."""
    statement, values = insert_job(two.mine, changed)
    with context(solo, two.mine) as session:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):  # of the row, or of the column
            driver(session).cursor().execute(statement, values)
        session.rollback()
        driver(session).cursor().execute(*insert_job(two.mine, {}))  # a control: the rest of it is good
    with without(two.mine, "DROP POLICY fit ON platform.jobs", "GRANT INSERT ON platform.jobs TO fh_tenant") as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount == 1


def insert_job(tenant: str, changed: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    columns = {"id": str(uuid7()), "tenant": tenant, **GOOD_JOB, **changed}
    places = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO platform.jobs ({', '.join(columns)}) VALUES ({places})", tuple(columns.values())


@pytest.mark.parametrize("column", ["at"])
def test_an_audit_entry_is_not_dated_back(solo: Flask, two: Two, without: Open, column: str) -> None:
    statement = (
        f"INSERT INTO platform.audit (id, tenant, actor, action, detail, {column})"
        f" VALUES (gen_random_uuid(), '{two.mine}', 'system', 'x', '{{}}', '2000-01-01')"
    )
    with context(solo, two.mine) as session, pytest.raises(ProgrammingError, match="permission denied for table audit"):
        session.execute(sa.text(statement))
    with without(two.mine, "GRANT INSERT ON platform.audit TO fh_tenant") as cursor:
        cursor.execute(statement)
        assert cursor.rowcount == 1


def test_every_registered_job_fits_what_a_tenant_may_ask_for() -> None:
    for handler in registry.handlers():
        assert 1 <= handler.limit_seconds <= 86_400, handler.name
        assert 1 <= handler.max_tries <= 100, handler.name


CHANGES = {
    "UPDATE platform.jobs SET error = 'x'": "GRANT UPDATE ON platform.jobs TO fh_tenant",
    "DELETE FROM platform.jobs": "GRANT DELETE ON platform.jobs TO fh_tenant",
    "SELECT id FROM platform.jobs FOR UPDATE": "GRANT UPDATE ON platform.jobs TO fh_tenant",
    "UPDATE platform.audit SET actor = 'x'": "GRANT UPDATE ON platform.audit TO fh_tenant",
    "DELETE FROM platform.audit": "GRANT DELETE ON platform.audit TO fh_tenant",
    "UPDATE platform.memberships SET role = 'owner'": "GRANT UPDATE ON platform.memberships TO fh_tenant",
    "DELETE FROM platform.memberships": "GRANT DELETE ON platform.memberships TO fh_tenant",
    "UPDATE platform.invitations SET role = 'owner'": "GRANT UPDATE ON platform.invitations TO fh_tenant",
    "DELETE FROM platform.invitations": "GRANT DELETE ON platform.invitations TO fh_tenant",
    "UPDATE platform.tenants SET limits = '{}'": "GRANT UPDATE ON platform.tenants TO fh_tenant",
    "UPDATE platform.usage SET resource = 'x'": "GRANT UPDATE ON platform.usage TO fh_tenant",
    "DELETE FROM platform.usage": "GRANT DELETE ON platform.usage TO fh_tenant",
    "UPDATE platform.users SET name = 'x'": "GRANT UPDATE ON platform.users TO fh_tenant",
    "DELETE FROM platform.users": "GRANT DELETE ON platform.users TO fh_tenant",
    "SELECT id FROM platform.users FOR SHARE": "GRANT UPDATE ON platform.users TO fh_tenant",
}


@pytest.mark.parametrize("statement", CHANGES)
def test_rows_of_the_platform_can_not_be_changed_removed_or_locked(
    solo: Flask, two: Two, without: Open, statement: str
) -> None:
    with context(solo, two.mine) as session, pytest.raises(ProgrammingError, match="permission denied for table"):
        session.execute(sa.text(statement))
    with without(two.mine, CHANGES[statement]) as cursor:
        cursor.execute(statement)  # row security still leaves out the others' rows


def test_a_foreign_job_can_not_be_changed_by_adding_it_once_more(solo: Flask, two: Two, without: Open) -> None:
    insert = INSERTS["jobs"].format(tenant=f"'{two.mine}'").replace("gen_random_uuid()", f"'{two.your_job}'")
    insert = insert.removesuffix(" RETURNING tenant")
    upsert = f"{insert} ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant"
    with context(solo, two.mine) as session, pytest.raises(ProgrammingError, match="permission denied for table jobs"):
        session.execute(sa.text(upsert))
    with context(solo, two.mine) as session:
        skip = f"{insert} ON CONFLICT (id) DO NOTHING RETURNING tenant"
        assert session.scalars(sa.text(skip)).all() == []
    with without(two.mine, "GRANT UPDATE ON platform.jobs TO fh_tenant", open_to_all("jobs")) as cursor:
        cursor.execute(upsert)
        assert cursor.rowcount == 1


# Tables


@pytest.mark.parametrize("table", sorted(TABLES - set(SEEN)))
def test_the_platforms_global_tables_are_out_of_reach(solo: Flask, two: Two, without: Open, table: str) -> None:
    statements = {
        "SELECT": f"SELECT 1 FROM platform.{table}",
        "INSERT": f"INSERT INTO platform.{table} DEFAULT VALUES",
        "UPDATE": f"UPDATE platform.{table} SET {first_column(solo, table)} = NULL",
        "DELETE": f"DELETE FROM platform.{table}",
    }
    for statement in statements.values():
        with context(solo, two.mine) as session, pytest.raises(ProgrammingError, match="permission denied for table"):
            session.execute(sa.text(statement))
    with without(two.mine, f"GRANT ALL ON platform.{table} TO fh_tenant") as cursor:
        cursor.execute(statements["SELECT"])


def first_column(app: Flask, table: str) -> str:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = CAST('platform.' || :name AS regclass) AND attnum = 1"
    return str(database.sql(app, query, name=table)[0].attname)


TOLD_BY_WORKERS = {"created_at", "began_at", "done", "total", "message", "checkpoint", "cancel_asked", "reason"}


def test_what_a_tenant_may_do_in_the_platforms_schema_is_this_and_no_more(solo: Flask) -> None:
    """A new grant has to be written down here, with its row security."""
    grants = database.sql(
        solo,
        "SELECT relname, privilege_type, relrowsecurity FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " CROSS JOIN aclexplode(relacl) AS a JOIN pg_roles r ON r.oid = grantee"
        " WHERE nspname = 'platform' AND rolname = 'fh_tenant'",
    )
    assert {(table, verb) for table, verb, _secured in grants} == {
        ("memberships", "SELECT"), ("jobs", "SELECT"), ("audit", "SELECT"),
        ("usage", "SELECT"), ("usage", "INSERT"),
    }  # fmt: skip
    columns = database.sql(
        solo,
        "SELECT relname, attname, privilege_type, relrowsecurity"
        " FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace"
        " CROSS JOIN aclexplode(attacl) AS e JOIN pg_roles r ON r.oid = grantee"
        " WHERE nspname = 'platform' AND rolname = 'fh_tenant'",
    )
    given: dict[tuple[str, str], set[str]] = {}
    for table, column, verb, _secured in columns:
        given.setdefault((table, verb), set()).add(column)
    assert given == {
        ("users", "SELECT"): COLUMNS,
        ("tenants", "SELECT"): {"id", "limits"},
        ("usage", "UPDATE"): {"used"},
        ("usage_hours", "SELECT"): {"tenant", "resource", "hour", "used", "waived"},
        ("invitations", "SELECT"): {column.name for column in Invitation.__table__.columns} - {"secret_digest"},
        ("jobs", "INSERT"): {column.name for column in Job.__table__.columns} - TOLD_BY_WORKERS,
        ("audit", "INSERT"): {column.name for column in AuditEntry.__table__.columns} - {"at"},
    }
    assert all(row.relrowsecurity for row in [*grants, *columns])


def test_nobody_else_may_do_anything_in_the_platforms_schema(solo: Flask) -> None:
    """Neither PUBLIC, which every tenant belongs to, nor the schemas' owner, whom the design scope acts as."""
    grants = database.sql(
        solo,
        "SELECT DISTINCT coalesce(rolname, 'PUBLIC') AS who FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " CROSS JOIN aclexplode(relacl) AS a LEFT JOIN pg_roles r ON r.oid = grantee WHERE nspname = 'platform'",
    )
    assert {row.who for row in grants} == {"freehold_admin", "fh_app", "fh_tenant"}


@pytest.mark.parametrize("table", sorted(TABLES))
def test_the_design_scope_reads_no_table_of_the_platform(
    solo: Flask, two: Two, superuser: Superuser, own: Settings, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(guard, "check_design", lambda _statement: None)
    statement = f"SELECT 1 FROM platform.{table}"
    with context(solo, two.mine) as session, isolation.design(), driver(session).cursor() as cursor:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(statement)
        session.rollback()
    with superuser(own) as cursor:  # the control
        cursor.execute(
            "GRANT USAGE ON SCHEMA platform TO fh_owner; GRANT SELECT ON ALL TABLES IN SCHEMA platform TO fh_owner"
        )
        cursor.execute(f"SET LOCAL ROLE fh_owner; {statement}")
