"""The statement guard: what a bound connection may be asked to run.

`SET LOCAL ROLE` keeps honest code inside its tenant, but a statement injected into ours could undo it (`RESET ROLE`,
`set_config`). So a bound connection runs one plain statement at a time, which calls no function but those listed in
`functions.py` and names nothing of the session, the catalogue or the server. Our own statements carry their values as
parameters, so a verdict is a matter of the text alone and is remembered.

The scanner follows PostgreSQL's lexical rules (manual, section 4.1) and refuses what it does not need to understand:
comments, dollar quotes, escape strings, Unicode identifiers, and whatever isn't ASCII outside of quotes, never occur in
statements that SQLAlchemy writes. Where a token ends may not depend on whether the driver fills in parameters.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

from tenants.isolation import functions
from tenants.isolation.errors import StatementRefused

LONGEST_REMEMBERED = 8_192  # characters

_WORK = {("word", verb) for verb in ("select", "insert", "update", "delete", "with")}
_COPY = {("to", "stdout"), ("from", "stdin")}
_DESIGN = {("create", "table"), ("create", "index"), ("alter", "table"), ("drop", "table"), ("comment", "on")}
_SAVEPOINT = re.compile(r"(?:SAVEPOINT|ROLLBACK TO SAVEPOINT|RELEASE SAVEPOINT) sa_savepoint_\d+")

# Functions and relations that act on the session, the server or another schema. The server refuses most of them to
# a tenant's role as well; the guard does not rely on it.
_REFUSED_WORDS = {
    # set what outlives the statement
    "set_config", "setseed",
    # run SQL that they are given as a text
    "ts_stat", "ts_rewrite", "dblink", "crosstab", "crosstab2", "crosstab3", "crosstab4", "connectby", "xpath_table",
    *(f"{what}_to_xml{form}" for what in ("query", "table", "schema", "database", "cursor")
      for form in ("", "schema", "_and_xmlschema")),
    # tell from the catalogue, given a number, how somebody's tables and fields are called
    "information_schema", "format_type", "oidvectortypes", "record_in", "array_in", "acldefault", "makeaclitem",
    "obj_description", "col_description", "shobj_description",
    # tell it in what they complain of
    "nextval", "currval", "setval", "enum_in", "domain_in", "gin_clean_pending_list", "satisfies_hash_partition",
    "brin_summarize_new_values", "brin_summarize_range", "brin_desummarize_range",
    # large objects, which lie in no schema; our roles
    "loread", "lowrite", "fh_owner", "fh_app", "fh_tenant",
}  # fmt: skip
_REFUSED_PREFIXES = ("pg_", "lo_", "dblink_", "citus_", "run_command_on_")
_REFUSED_SHAPES = re.compile(
    r"t_[a-z2-7]{16}"  # a tenant's schema and role
    r"|(?:to_|_+)?reg(?:class|type|role|namespace)\w*|has_\w+_privilege"  # the catalogue again; _regclass is an array
)
_PLACEHOLDER = re.compile(r"%(?:s|\()")

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\n\r\f\v]+)
  | (?P<string>'(?:[^']|'')*+')
  | (?P<quoted>"(?:[^"]|"")*+")
  | (?P<word>[a-z_][\w$]*)
  | (?P<placeholder>%(?:\(\w+\))?s(?![\w$])|%%)
  | (?P<number>\d+)
  | (?P<forbidden>;|--|/\*|[$\\%]|[^ -~])
  | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII | re.IGNORECASE,
)


def check(statement: str) -> None:
    """Raise StatementRefused unless a tenant's connection may run this."""
    # Long ones are looked at anew, so that what is remembered has a bound in bytes as well.
    verdict = _work_verdict if len(statement) <= LONGEST_REMEMBERED else _work_verdict.__wrapped__
    if reason := verdict(statement):
        raise StatementRefused(reason)


def check_design(statement: str) -> None:
    """Raise StatementRefused unless the design scope may run this: one statement of DDL on the tenant's own tables."""
    if reason := _design_verdict(statement):
        raise StatementRefused(reason)


def check_export(statement: str) -> None:
    """Raise StatementRefused unless the export scope may run this: one COPY to or from the application itself."""
    if reason := _export_verdict(statement):
        raise StatementRefused(reason)


def admit(*names: str) -> None:
    """Let statements call these functions as well, written as they write them, such as `public.similarity`.

    For a module's statements, as it is imported (docs/decisions/0010). What acts on the session, the catalogue or the
    server stays refused.
    """
    functions.admit(*names)
    for verdict in (_work_verdict, _design_verdict, _export_verdict):
        verdict.cache_clear()


def is_refused_word(word: str) -> bool:
    """Whether the guard would stop each statement with this identifier; a collection can't be called so."""
    word = word.lower()
    return word in _REFUSED_WORDS or word.startswith(_REFUSED_PREFIXES) or _REFUSED_SHAPES.fullmatch(word) is not None


@lru_cache(maxsize=4096)
def _work_verdict(statement: str) -> str | None:
    if _SAVEPOINT.fullmatch(statement):
        return None
    tokens = list(scan(statement))
    first = next((token for token in tokens if token != ("sign", "(")), None)  # a union of limited queries has some
    if first not in _WORK:
        return "only SELECT, INSERT, UPDATE, DELETE and WITH run here"
    if _selects_into(tokens):
        return "SELECT INTO makes a table, and a temporary one would lie in the next tenant's way"
    return _common_verdict(tokens)


@lru_cache(maxsize=1024)
def _design_verdict(statement: str) -> str | None:
    if _SAVEPOINT.fullmatch(statement):
        return None
    tokens = list(scan(statement))
    if tuple(text for _, text in tokens[:2]) not in _DESIGN:
        return "only CREATE, ALTER and DROP of tables and indexes run in the design scope"
    for (kind, _), (_, sign) in pairwise(tokens):
        if sign == "." and kind in {"word", "quoted"}:
            return "a name with a schema in front is not for the design scope"
    if ("word", "select") in tokens:
        return "the design scope reads no tables"
    return _common_verdict(tokens, on_tables=True)


@lru_cache(maxsize=64)
def _export_verdict(statement: str) -> str | None:
    tokens = list(scan(statement))
    words = list(_outside_brackets(text for _, text in tokens))
    way = next((pair for pair in pairwise(words) if pair[0] in {"to", "from"}), None)  # a condition has more of them
    if words[:1] != ["copy"] or way not in _COPY:
        return "only COPY to STDOUT and from STDIN run here"
    return _common_verdict(tokens)


def _common_verdict(tokens: list[tuple[str, str]], *, on_tables: bool = False) -> str | None:
    for (kind, text), (next_kind, next_text) in zip(tokens, [*tokens[1:], ("", "")], strict=True):
        if kind == "forbidden":
            return f"{text!r} has no place in a single plain statement"
        if "\0" in text:
            return "a NUL, at which the driver stops reading"
        if kind == "sign" and text in {"'", '"'}:
            return "a quote that does not close"
        if kind == "word" and text in {"e", "u", "b", "x", "n"} and next_kind in {"string", "quoted", "placeholder"}:
            return f"{text}'…' is not among the forms in use here"
        if kind == "word" and text == "u" and next_text == "&":
            return "Unicode escapes are not among the forms in use here"
        if kind in {"string", "quoted"} and _PLACEHOLDER.search(text.replace("%%", "")):
            # The driver would put the value's own quotes inside these, and the value outside.
            return "a placeholder between quotes"
        if kind in {"word", "quoted"} and is_refused_word(text):
            return f"{text} is out of a tenant's reach"
    unknown = functions.unknown_call(tokens, on_tables=on_tables)
    return unknown and f"{unknown} is not among the functions that a tenant's statement may call"


def _selects_into(tokens: list[tuple[str, str]]) -> bool:
    """Whether an INTO is a SELECT's: `insert` in front of it may be what somebody called a column."""
    selects = [False]  # at each depth of brackets, whether a SELECT has begun there
    for before, token in pairwise([("", ""), *tokens]):
        if token == ("sign", "("):
            selects.append(False)
        elif token == ("sign", ")") and len(selects) > 1:
            selects.pop()
        elif token == ("word", "select"):
            selects[-1] = True
        elif token == ("word", "into") and (selects[-1] or before != ("word", "insert")):
            return True
    return False


def _outside_brackets(words: Iterable[str]) -> Iterator[str]:
    depth = 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if depth == 0:
            yield word


def scan(statement: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each token but white space; words in lower case, quoted identifiers without their quotes."""
    for match in _TOKEN.finditer(statement):
        kind, text = str(match.lastgroup), match.group()
        if kind == "word":
            yield kind, text.lower()
        elif kind == "quoted":
            yield kind, text[1:-1].replace('""', '"')
        elif kind != "space":
            yield kind, text
