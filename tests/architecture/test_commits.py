"""Only the edge ends a transaction."""

import pytest

from saas.devstack.rules.commits import commits

FAULTS = [
    "db.session.commit()",
    "db.session().rollback()",
    "connection.commit()",
    "with db.engine.begin() as connection: pass",
    "with _engine(app).begin(): pass",
    "with session.begin(): pass",
    "connection.autocommit = True",
    'engine.execution_options(isolation_level="AUTOCOMMIT")',
    'session.execute(text("COMMIT"))',
    "from saas.core import database; database.commit()",
    "from saas.core.database import transaction as work; work()",
    "from saas.core import database as d; d.separate()",
    "from saas.core.administrator import administrator; administrator()",
]

INNOCENT = [
    "db.session.flush()",
    "with session.begin_nested(): pass",
    "process = self.begin('migrate')",
    "commit = build.commit",
    'event = "user.commit"',
    "def transaction(): pass\ntransaction()",
]


@pytest.mark.parametrize("code", FAULTS)
def test_a_commit_in_a_service_is_found(judge, code):
    assert judge(commits, {"saas/signup/service.py": code}) == ["saas/signup/service.py:1"]


@pytest.mark.parametrize("code", INNOCENT)
def test_what_only_looks_like_a_commit_is_left_alone(judge, code):
    assert judge(commits, {"saas/signup/service.py": code}) == []


@pytest.mark.parametrize("place", ["saas/core/database.py", "tenants/isolation/connection.py", "migrations/fleet.py"])
def test_the_edge_may_commit(judge, place):
    assert judge(commits, {place: "\n".join(FAULTS)}) == []
