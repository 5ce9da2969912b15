"""No statement names a platform table and a tenant's."""

import pytest

from saas.devstack.rules.mixed_statement import mixed_statement

MODELS = {
    "saas/accounts/models.py": """
from saas.core.database import Base
class User(Base):
    __tablename__ = "users"
""",
    "tenants/backend/keys/models.py": """
from tenants import isolation
class Timed(isolation.TenantBase):
    __abstract__ = True
class ApiKey(Timed):
    __tablename__ = "fh_keys"
""",
}

FAULTS = [
    "session.execute(select(User, ApiKey))",
    "session.execute(sa.select(models.User.id).join(keys.ApiKey, ApiKey.user_id == User.id).limit(1))",
    "select(ApiKey).where(ApiKey.made_by.in_(select(User.id)))",
    "sa.update(ApiKey).values(email=User.email)",
    "rows = [row for row in session.scalars(select(User).where(exists().where(ApiKey.user_id == User.id)))]",
    'text("SELECT 1 FROM users JOIN fh_keys ON true")',
    'op.execute(f"INSERT INTO fh_keys SELECT id FROM platform.users WHERE {x}")',
    'op.execute("UPDATE fh_keys SET x = 1; DELETE FROM fh_keys USING users")',
    'op.execute("CREATE TABLE fh_x (u uuid REFERENCES platform.users)")',
]

STEPS = """
def find(session):
    query = select(User)
    if wanted:
        query = query.join(ApiKey)
    return session.scalars(query)
"""

SUBQUERY = """
def find(session):
    keys = select(ApiKey.user_id).subquery()
    return session.scalars(select(User).where(User.id.in_(keys)))
"""

INNOCENT = [
    "session.scalar(select(User)); session.scalar(select(ApiKey))",
    "serve(session.scalar(select(User)), session.scalar(select(ApiKey)))",
    "user = session.scalar(select(User.id))\nsession.scalar(select(ApiKey).where(ApiKey.user_id == user))",
    "def one(): query = select(User)\ndef two(query): return query.join(ApiKey)",
    'text("SELECT 1 FROM users"); text("SELECT 1 FROM fh_keys")',
    'op.execute("UPDATE users SET x = 1; UPDATE fh_keys SET x = 1")',
    'op.execute("GRANT SELECT ON platform.users TO fh_tenant")',
    '"""Joins users with fh_keys, so to say: SELECT FROM users, fh_keys."""',
    'text("SELECT users FROM fh_keys")',
]


@pytest.mark.parametrize("code", FAULTS)
def test_one_statement_over_both_kinds_is_found(judge, code):
    assert judge(mixed_statement, MODELS | {"billing/views.py": code}) == ["billing/views.py:1"]


@pytest.mark.parametrize(("code", "line"), [(STEPS, 5), (SUBQUERY, 4)])
def test_a_statement_built_in_steps_is_found_where_it_mixes(judge, code, line):
    assert judge(mixed_statement, MODELS | {"billing/views.py": code}) == [f"billing/views.py:{line}"]


@pytest.mark.parametrize("code", INNOCENT)
def test_two_statements_are_left_alone(judge, code):
    assert judge(mixed_statement, MODELS | {"billing/views.py": code}) == []
