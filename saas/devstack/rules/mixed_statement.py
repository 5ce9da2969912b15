"""No statement names both a platform table and a tenant's.

Each kind has rules of its own for who may read it, and on Citus the two lie on different nodes.
"""

import ast
import re
from collections.abc import Iterator
from typing import Literal

from saas.devstack.rules.findings import Finding
from saas.devstack.rules.source import Source, last_name, texts

RULE = "mixed-statement"

Kind = Literal["platform", "tenant"]
Named = dict[str, Kind]  # models or tables and whose they are

_BASES: Named = {"Base": "platform", "TenantBase": "tenant"}
_STARTS = {"select", "insert", "update", "delete", "exists", "union", "union_all", "query", "aliased"}
_SCOPES = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

_SQL = re.compile(r"(?i)\s*\(?\s*(?:select|insert|update|delete|with|merge|create|alter)\b")
_TABLE = re.compile(
    r"""(?ix) \b (?: from | join | into | update | using | references | table ) \s+ (?: only \s+ )?
    "? (\w+) "? (?! ["\w]* \. )  # but no schema, which is followed by a dot"""
)
_OBVIOUS: dict[Kind, re.Pattern[str]] = {
    "platform": re.compile(r'(?<![\w.])"?platform"?\."?\w+'),
    "tenant": re.compile(r"\bfh_(?!(?:owner|tenant|app)\b)\w+"),
}


def mixed_statement(trees: list[Source]) -> Iterator[Finding]:
    models = _models(trees)
    tables = _tables(trees, models)
    for source in trees:
        for scope in ast.walk(source.tree):
            if isinstance(scope, _SCOPES):
                yield from _mixed_expressions(source, scope, models)
        for node, text in texts(source.tree):
            for statement in text.split(";") if _SQL.match(text) else []:
                yield from _judged(source, node, _named_in_sql(statement, tables))


def _mixed_expressions(source: Source, scope: ast.AST, models: Named) -> Iterator[Finding]:
    """Follows statements that are built in steps: what a variable holds counts where it is used."""
    held: dict[str, Named] = {}
    seen: set[ast.AST] = set()
    for node in _in_order(scope):
        if isinstance(node, ast.Call) and node not in seen and _is_statement(node, held):
            seen.update(ast.walk(node))
            yield from _judged(source, node, _named(node, models, held))
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            named = _named(node.value, models, held) if _is_statement(node.value, held) else {}
            held |= {target: named for target in _targets(node) if named}


def _judged(source: Source, node: ast.expr, named: Named) -> Iterator[Finding]:
    if len(set(named.values())) > 1:
        names = " and ".join(sorted(f"{kind} {name}" for name, kind in named.items()))
        message = f"{names} in one statement: read the one first, then the other by its values"
        yield source.finding(node, RULE, message)


def _is_statement(call: ast.Call, held: dict[str, Named]) -> bool:
    """Whether `select(…).join(…).where(…)` stands here, or goes on from a variable."""
    node: ast.expr = call
    while isinstance(node, ast.Call | ast.Attribute):
        if isinstance(node, ast.Call) and last_name(node) in _STARTS:
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Name) and node.id in held


def _named(expression: ast.expr, models: Named, held: dict[str, Named]) -> Named:
    named: Named = {}
    for node in ast.walk(expression):
        if isinstance(node, ast.Name | ast.Attribute):
            name = last_name(node)
            named |= {name: models[name]} if name in models else {}
        if isinstance(node, ast.Name):
            named |= held.get(node.id, {})
    return named


def _named_in_sql(statement: str, tables: Named) -> Named:
    named = {name: tables[name] for name in _TABLE.findall(statement) if name in tables}
    for kind, form in _OBVIOUS.items():
        named |= dict.fromkeys(form.findall(statement), kind)
    return named


def _models(trees: list[Source]) -> Named:
    """Every model, through as many parents as lie between it and its base."""
    parents = {model.name: [last_name(base) for base in model.bases] for model in _classes(trees)}
    kinds = dict(_BASES)
    while grown := {
        name: kinds[base] for name, bases in parents.items() for base in bases if name not in kinds and base in kinds
    }:
        kinds |= grown
    return {name: kind for name, kind in kinds.items() if name not in _BASES}


def _tables(trees: list[Source], models: Named) -> Named:
    return {
        str(node.value.value): models[model.name]
        for model in _classes(trees)
        for node in model.body
        if model.name in models and isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if "__tablename__" in _targets(node)
    }


def _classes(trees: list[Source]) -> Iterator[ast.ClassDef]:
    return (node for source in trees for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef))


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _in_order(scope: ast.AST) -> Iterator[ast.AST]:
    """All below in the order of the text, without the functions inside, which are scopes of their own."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, _SCOPES):
            yield child
            yield from _in_order(child)
