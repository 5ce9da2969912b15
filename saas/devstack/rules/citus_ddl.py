"""What Citus refuses in a tenant's schema is refused here first, so that sharding it brings no surprise.

That is: triggers, tables without a primary key, keys of four bytes (which overflow when written through a
worker), foreign keys out of the schema, identity columns that come later than their table, inheritance.
"""

import ast
import re
from collections.abc import Iterator

from saas.devstack.rules.findings import Finding
from saas.devstack.rules.source import MODULES, Source, last_name, texts

RULE = "citus-ddl"
_PLACES = ("migrations/tenant/", "tenants/backend/collections/", MODULES)

_NO_TRIGGER = "no triggers: do it in the service"
_NO_INHERITS = "no INHERITS: write the columns out"
_NEEDS_KEY = "every table has a primary key"
_WIDE_KEY = "a key is uuid or bigint"
_OWN_SCHEMA = "a foreign key stays in the schema: name table and column only"
_WITH_TABLE = "a serial or identity column comes with its table or not at all"

_DDL = re.compile(r"(?is)\b(?:create|alter)\s.*\b(?:table|trigger|sequence)\b")
_FORMS = [
    (r"\bcreate\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\b", _NO_TRIGGER),
    (r"\binherits\b", _NO_INHERITS),
    (r"\bcreate\s+table\b(?!.*\bprimary\s+key\b)", _NEEDS_KEY),
    (r"\b(?:int|integer|int[24]|smallint|(?:small)?serial)\s+(?:not\s+null\s+)?primary\s+key\b", _WIDE_KEY),
    (r'\breferences\s+(?:"[^"]+"|[\w{}]+)\.', _OWN_SCHEMA),
    (r"\balter\s+table\b.*\b(?:(?:small|big)?serial|as\s+identity)\b", _WITH_TABLE),
    (r"\balter\s+sequence\b.*\bincrement\b", "a sequence keeps its increment"),
]
_COMPILED = [(re.compile(form, re.IGNORECASE | re.DOTALL), message) for form, message in _FORMS]

_SMALL = {"Integer", "INTEGER", "SmallInteger", "SMALLINT"}
_SCHEMA_WORDS = {"schema", "source_schema", "referent_schema"}


def citus_ddl(trees: list[Source]) -> Iterator[Finding]:
    for source in trees:
        if source.within(*_PLACES):
            yield from _in_sql(source)
            for call in _calls(source.tree):
                yield from (source.finding(call, RULE, message) for message in _refused(call, source))


def _in_sql(source: Source) -> Iterator[Finding]:
    for node, text in texts(source.tree):
        for statement in text.split(";"):
            if _DDL.search(statement):
                messages = [message for form, message in _COMPILED if form.search(statement)]
                yield from (source.finding(node, RULE, message) for message in messages)


def _refused(call: ast.Call, source: Source) -> Iterator[str]:
    name = last_name(call)
    words = {keyword.arg for keyword in call.keywords}
    if name in {"create_table", "Table"}:
        yield from _refused_table(call, source)
    if name in {"add_column", "alter_column"} and any(_generates(inner) for inner in _calls(call)):
        yield _WITH_TABLE
    if name in {"Column", "mapped_column"} and _is_key(call) and _is_small(call):
        yield _WIDE_KEY
    if name in {"ForeignKey", "ForeignKeyConstraint"} and any(text.count(".") > 1 for text in _strings(call)):
        yield _OWN_SCHEMA
    if words & _SCHEMA_WORDS:
        yield "leave the schema out: the bound search path finds it"
    if "postgresql_inherits" in words:
        yield _NO_INHERITS


def _refused_table(table: ast.Call, source: Source) -> Iterator[str]:
    # Where a function makes the columns (`*columns`), a key anywhere in the file must do.
    starred = any(isinstance(argument, ast.Starred) for argument in table.args)
    calls = list(_calls(source.tree if starred else table))
    constraints = [call for call in calls if last_name(call) == "PrimaryKeyConstraint"]
    if not constraints and not any(_true(call, "primary_key") for call in calls):
        yield _NEEDS_KEY
    keys = {name for constraint in constraints for name in _strings(constraint)}
    if any(_is_small(call) and keys.intersection(_strings(call)) for call in calls):
        yield _WIDE_KEY


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _is_key(column: ast.Call) -> bool:
    """Whether it is a primary key or refers to one."""
    return _true(column, "primary_key") or any(last_name(part) == "ForeignKey" for part in column.args)


def _is_small(column: ast.Call) -> bool:
    types = [keyword.value for keyword in column.keywords if keyword.arg == "type_"]
    return any(last_name(part) in _SMALL for part in [*column.args, *types])


def _generates(call: ast.Call) -> bool:
    return last_name(call) in {"Identity", "Sequence"} or _true(call, "autoincrement")


def _true(call: ast.Call, word: str) -> bool:
    values = [keyword.value for keyword in call.keywords if keyword.arg == word]
    return any(isinstance(value, ast.Constant) and value.value is True for value in values)


def _strings(call: ast.Call) -> list[str]:
    """The texts among the arguments and in lists among them, but not those of calls inside."""
    lists = [argument.elts if isinstance(argument, ast.List) else [argument] for argument in call.args]
    parts = [part.value for parts in lists for part in parts if isinstance(part, ast.Constant)]
    return [part for part in parts if isinstance(part, str)]
