"""Some names are for some places only."""

import pytest

from saas.devstack.rules.names import bind_once, database_clock, empty_init, redis_in_core

BINDS = [
    "from tenants import isolation\nisolation.bind(x)",
    "from tenants.isolation import bind as enter\nenter(x)",
    "import tenants.isolation.binding\ntenants.isolation.binding.bind(x)",
    "from tenants import isolation\nhooks.append(isolation.bind)",
]
NO_BINDS = [
    "import structlog\nstructlog.get_logger().bind(x)",
    "from tenants import isolation\nisolation.bound()",
]

CLOCKS = [
    "from datetime import datetime\ndue = datetime.now(UTC)",
    "import datetime as dt\ndue = dt.datetime.utcnow()",
    "from datetime import date\ndue = date.today()",
    "import time\ndue = time.time()",
    "from time import time\ndue = time()",
    "from datetime import datetime\ndue = Column(default=datetime.now)",
]
NO_CLOCKS = ["import time\nleft = time.monotonic()", "from sqlalchemy import func\ndue = func.now()"]


@pytest.mark.parametrize("code", BINDS)
def test_binding_elsewhere_is_found(judge, code):
    assert judge(bind_once, {"tenants/members/service.py": code}) == ["tenants/members/service.py:2"]


@pytest.mark.parametrize("code", NO_BINDS)
def test_other_binds_are_left_alone(judge, code):
    assert judge(bind_once, {"tenants/members/service.py": code}) == []


def test_routing_may_bind(judge):
    assert judge(bind_once, {"tenants/routing.py": BINDS[0]}) == []


def test_isolation_can_be_reached_by_relative_imports_too(judge):
    code = "from .isolation import bind\nbind(x)"
    assert judge(bind_once, {"tenants/lifecycle.py": code}) == ["tenants/lifecycle.py:2"]


@pytest.mark.parametrize(
    "code", ["import redis", "from redis.client import Redis", "def f():\n import rq", "import valkey"]
)
def test_redis_outside_core_is_found(judge, code):
    path = "tenants/tasks.py"
    assert judge(redis_in_core, {path: code}) == [f"{path}:{code.count(chr(10)) + 1}"]
    assert judge(redis_in_core, {"saas/core/jobs/dispatcher.py": code}) == []


@pytest.mark.parametrize("code", CLOCKS)
def test_a_machines_clock_in_jobs_is_found(judge, code):
    assert judge(database_clock, {"saas/core/jobs/service.py": code}) == ["saas/core/jobs/service.py:2"]
    assert judge(database_clock, {"saas/accounts/service.py": code}) == []


@pytest.mark.parametrize("code", NO_CLOCKS)
def test_durations_and_the_databases_clock_are_left_alone(judge, code):
    assert judge(database_clock, {"saas/core/jobs/service.py": code}) == []


def test_an_import_that_import_linter_would_not_see_is_found(judge):
    assert judge(empty_init, {"saas/__init__.py": "import billing"}) == ["saas/__init__.py:1"]
    assert judge(empty_init, {"saas/__init__.py": "", "tenants/__init__.py": "import x"}) == []
