"""The edge commits: a request or a job is one transaction, and whatever it calls only flushes."""

import ast
import re
from collections.abc import Iterator

from saas.devstack.rules.findings import Finding
from saas.devstack.rules.places import allowed
from saas.devstack.rules.source import Source, last_name, texts

RULE = "commits"

_CONTEXTS = {
    "saas.core.administrator.administrator",
    *(f"saas.core.database.{name}" for name in ("commit", "rollback", "transaction", "separate", "at_once")),
}
_CONNECTED = re.compile(r"(?i)(?:engine|connection|conn|session)$")
_TEXTS = {"BEGIN", "COMMIT", "ROLLBACK", "AUTOCOMMIT"}
_REMEDY = "flush, and let the edge commit"


def commits(trees: list[Source]) -> Iterator[Finding]:
    for source in trees:
        if not allowed(RULE, source.path):
            for node in ast.walk(source.tree):
                if name := _transaction(node, source):
                    yield source.finding(node, RULE, f"{name} ends a transaction: {_REMEDY}")
            for node, text in texts(source.tree):
                if text.strip(" ;\n") in _TEXTS:
                    yield source.finding(node, RULE, f"{text!r} ends a transaction: {_REMEDY}")


def _transaction(node: ast.AST, source: Source) -> str | None:
    if isinstance(node, ast.Attribute) and node.attr == "autocommit" and isinstance(node.ctx, ast.Store):
        return "autocommit"
    if isinstance(node, ast.Call):
        name = source.dotted(node.func)
        if name in _CONTEXTS or _ends(node.func):
            return f"{name}()"
    return None


def _ends(function: ast.expr) -> bool:
    """`x.commit`, `x.rollback` of anything, and `engine.begin`, which commits when its block ends."""
    if not isinstance(function, ast.Attribute):
        return False
    connected = _CONNECTED.search(last_name(function.value)) is not None
    return function.attr in {"commit", "rollback"} or (function.attr == "begin" and connected)
