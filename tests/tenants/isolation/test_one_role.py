"""`TENANT_ISOLATION=schema`: what there is for a tenant, what row security goes by, and the product on top of it.

Bindings, row security and injections have modules of their own, which run in both modes.
"""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core.administrator import administrator
from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, enqueue, registry
from saas.core.settings import Settings
from tenants import isolation
from tenants.isolation import modes, schemas
from tests.support import database
from tests.support import jobs as _registered  # noqa: F401
from tests.support.contexts import context
from tests.support.people import Person, sign_up
from tests.tenants.isolation.conftest import Superuser, open_tenant

SECURED = ("memberships", "audit", "users", "tenants", "usage")  # each has a row once somebody has signed up


@pytest.fixture(scope="module")
def one(schema_settings: Settings) -> Iterator[Flask]:
    with database.application(schema_settings) as made:
        yield made


@pytest.fixture
def person(one: Flask) -> Person:
    return sign_up(one, database.browser(one), "One & Sons")


def test_a_business_signs_up_calls_its_api_and_has_its_job_done(one: Flask, person: Person) -> None:
    person.define("products", title="text!")
    other = sign_up(one, database.browser(one), "Other & Sons")
    other.define("products", title="text!")
    for who, title in ((person, "Bread"), (other, "Iron")):
        made = who.api("POST", "/collections/products/records", json={"title": title})
        assert made.status_code == 201, made.text
        foreign = made.json()["id"]
    listed = person.api("GET", "/collections/products/records").json()
    assert "Bread" in str(listed)
    assert "Iron" not in str(listed)
    assert person.api("GET", f"/collections/products/records/{foreign}").status_code == 404
    assert other.api("GET", f"/collections/products/records/{foreign}").status_code == 200  # the control

    seen: list[list[str]] = []

    def look(_mark: str) -> None:
        seen.append(list(db.session.scalars(sa.text("SELECT title FROM products"))))

    handler = registry.Handler("tests.tenant", look, scope="tenant")
    handler_job = ask_for_a_job(one, person.tenant)
    with one.app_context():
        handler(handler_job, 1)
        assert db.session.get_one(Job, handler_job).state == JobState.DONE
    assert seen == [["Bread"]]


def ask_for_a_job(app: Flask, tenant: str) -> str:
    """Written down by the bound tenant, then leased as the dispatcher does."""
    with context(app, tenant), transaction():
        enqueue("tests.tenant", tenant, ["mark"])
    leased = (
        "UPDATE platform.jobs SET state = 'leased', lease = 1, due_at = now() + interval '1 hour'"
        " WHERE tenant = :tenant AND name = 'tests.tenant' RETURNING id"
    )
    ((job,),) = database.sql(app, leased, tenant=tenant)
    return str(job)


def test_a_tenant_is_a_schema_of_the_owners_and_no_role(one: Flask) -> None:
    tenant = open_tenant(one)
    assert database.schema_and_role(one, tenant) == (1, 0)
    owner = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = :tenant"
    assert database.sql(one, owner, tenant=tenant) == [(isolation.OWNER,)]
    with one.app_context(), administrator() as connection:
        schemas.drop(connection, tenant)
    assert database.schema_and_role(one, tenant) == (0, 0)


def test_rights_that_were_lost_are_given_back(one: Flask, schema_settings: Settings, superuser: Superuser) -> None:
    tenant = open_tenant(one)
    with superuser(schema_settings) as cursor:
        cursor.execute(
            f"REVOKE ALL ON SCHEMA {tenant} FROM fh_tenant; REVOKE ALL ON ALL TABLES IN SCHEMA {tenant} FROM fh_tenant"
        )
        cursor.connection.commit()
    keys = sa.text("SELECT count(*) FROM fh_keys")
    with context(one, tenant) as session, pytest.raises(sa.exc.ProgrammingError):
        session.execute(keys)
    with one.app_context(), administrator() as connection:
        schemas.give_role(connection, tenant)
    with context(one, tenant) as session:
        assert session.scalar(keys) == 0


@pytest.mark.parametrize("path", ["", "platform", "public", "nowhere", "pg_catalog"])
def test_who_acts_as_all_tenants_but_in_no_tenants_schema_sees_no_row(
    schema_settings: Settings, superuser: Superuser, person: Person, path: str
) -> None:
    """As the application could, when it takes the role and forgets the search path."""
    with superuser(schema_settings) as cursor:
        cursor.execute("SET LOCAL ROLE fh_tenant")
        for name, seen in ((path, False), (person.tenant, True)):  # the second is the control
            cursor.execute("SET LOCAL search_path = %s", (name,))
            for table in SECURED:
                cursor.execute(f"SELECT count(*) FROM platform.{table}")
                assert (cursor.fetchone()[0] > 0) == seen, table


@pytest.mark.parametrize("role", ["fh_tenant", "fh_owner"])
def test_an_unbound_transaction_of_the_application_has_none_of_the_rights_it_may_take(one: Flask, role: str) -> None:
    """Its membership gives nothing before SET ROLE."""
    tenant = open_tenant(one)
    with context(one) as session, pytest.raises(sa.exc.ProgrammingError, match="permission denied for schema"):
        session.execute(sa.text(f'SELECT 1 FROM "{tenant}".fh_keys'))
    with context(one) as session:  # the control
        session.execute(sa.text(f"SET LOCAL ROLE {role}"))
        session.execute(sa.text(f'SELECT 1 FROM "{tenant}".fh_keys'))


def test_row_security_finds_a_tenants_rows_by_an_index(own: Settings, superuser: Superuser) -> None:
    """The function is taken apart into the plan, so that it costs nothing for each row."""
    with database.application(own) as app:
        tenant = open_tenant(app)
    mode = modes.MODES[own.tenant_isolation]
    with superuser(own) as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f'SET LOCAL ROLE "{mode.role_of(tenant)}"; SET LOCAL search_path = "{tenant}"')
        cursor.execute("EXPLAIN SELECT action FROM platform.audit ORDER BY id")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "audit_tenant_ix" in plan, plan
    bound = '"current_schema"()' if mode.shared else "CURRENT_USER"
    assert f"Index Cond: ((tenant)::text = (({bound})::text)::text)" in plan, plan
