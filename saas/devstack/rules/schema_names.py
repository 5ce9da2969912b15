"""Schemas and roles are named in one place: the metadata knows the platform's, `isolation` the tenants'."""

import ast
import re
from collections.abc import Iterator

from saas.devstack.rules.findings import Finding
from saas.devstack.rules.places import allowed
from saas.devstack.rules.source import Source, texts

RULE = "schema-names"

# Forms that occur in SQL and not in prose, and what to do instead.
_FORMS = [
    (r"""(?<![\w.])"?platform"?\.(?!html\b|py\b)["a-z_]""", "leave out the schema, the metadata has it"),
    (r"(?<!\w)t\\*_(?=[\Wa-z0-9]|$)", "take the tenant's id as it is"),
    (r"(?i)\bsearch_path\b|\bset_config\b", "call tenants.isolation.bind"),
    (r"\b(?:SET|RESET) (?:(?:LOCAL|SESSION) )?(?:ROLE|AUTHORIZATION)\b", "call tenants.isolation.bind"),
    (r"(?i)\bset\s+(?:local|session)\s+(?:role|authorization)\b", "call tenants.isolation.bind"),
    (r"\bfh_(?:owner|tenant|app)\b", "take the name from tenants.isolation"),
]
_COMPILED = [(re.compile(form), remedy) for form, remedy in _FORMS]


def schema_names(trees: list[Source]) -> Iterator[Finding]:
    for source in trees:
        if not allowed(RULE, source.path):
            yield from _spelled(source)
            yield from _given(source)


def _spelled(source: Source) -> Iterator[Finding]:
    for node, text in texts(source.tree):
        for form, remedy in _COMPILED:
            if match := form.search(text):
                yield source.finding(node, RULE, f"{match.group()!r} names a schema or role: {remedy}")
                break


def _given(source: Source) -> Iterator[Finding]:
    """`schema="platform"` and `{"schema": "platform"}`, where the word stands by itself."""
    for node in ast.walk(source.tree):
        for name, value in _pairs(node):
            if name == "schema" and isinstance(value, ast.Constant) and value.value == "platform":
                yield source.finding(value, RULE, "schema='platform': leave it out, the metadata has it")


def _pairs(node: ast.AST) -> Iterator[tuple[object, ast.expr]]:
    if isinstance(node, ast.Call):
        yield from ((keyword.arg, keyword.value) for keyword in node.keywords)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield key.value if isinstance(key, ast.Constant) else None, value
