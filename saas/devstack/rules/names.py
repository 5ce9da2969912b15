"""Names that only some places may use."""

import ast
import re
from collections.abc import Iterator

from saas.devstack.rules.findings import Finding
from saas.devstack.rules.places import allowed
from saas.devstack.rules.source import Source

_BIND = re.compile(r"tenants\.isolation\.(?:binding\.)?bind")
_CLOCK = re.compile(r"datetime\.(?:date\.today|datetime\.(?:now|utcnow|today))|time\.time(?:_ns)?")
_REDIS = {"redis", "rq", "valkey"}


def bind_once(trees: list[Source]) -> Iterator[Finding]:
    """A context is entered for its tenant where the tenant comes from, and nowhere below."""
    for source in trees:
        if not allowed("bind-once", source.path):
            for node in _uses(source, _BIND):
                message = "isolation.bind is called where a tenant is found out: take what is bound already"
                yield source.finding(node, "bind-once", message)


def redis_in_core(trees: list[Source]) -> Iterator[Finding]:
    for source in trees:
        if not allowed("redis-in-core", source.path):
            for node in ast.walk(source.tree):
                if isinstance(node, ast.Import | ast.ImportFrom) and _packages(node) & _REDIS:
                    message = "Redis is reached through saas.core: enqueue a job, or add a function there"
                    yield source.finding(node, "redis-in-core", message)


def database_clock(trees: list[Source]) -> Iterator[Finding]:
    """Two machines' clocks differ; jobs that are due by one and leased by another are lost or run twice."""
    for source in trees:
        if source.within("saas/core/jobs/", "saas/core/jobs.py"):
            for node in _uses(source, _CLOCK):
                message = "times of jobs are the database's: use sqlalchemy.func.now() or clock_timestamp()"
                yield source.finding(node, "database-clock", message)


def empty_init(trees: list[Source]) -> Iterator[Finding]:
    for source in trees:
        if source.path == "saas/__init__.py" and source.tree.body:
            message = "import-linter does not see what is imported here: leave the file empty"
            yield source.finding(source.tree.body[0], "empty-init", message)


def _uses(source: Source, names: re.Pattern[str]) -> Iterator[ast.expr]:
    """Where one of these names is called or handed on; its import alone is no use of it."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute) and names.fullmatch(source.dotted(node)):
            yield node


def _packages(node: ast.Import | ast.ImportFrom) -> set[str]:
    if isinstance(node, ast.Import):
        return {name.name.partition(".")[0] for name in node.names}
    return {(node.module or "").partition(".")[0]} if not node.level else set()
