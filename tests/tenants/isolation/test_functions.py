"""Every function of the server that the guard lets through, called with another tenant's numbers.

The catalogue is readable by every role, and knows how others call their tables and fields. Which functions tell it is
not written down anywhere and changes with PostgreSQL's version, so all are asked.
"""

import contextlib
import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest
from flask import Flask

from saas.core.settings import Settings
from tenants.isolation import functions, modes
from tenants.isolation.guard import is_refused_word
from tests.support import database
from tests.support.people import sign_up

# Those that a statement can call with values of its own; a record shows its fields' names as JSON only.
CALLABLE = """
SELECT proname, array(SELECT format_type(t, NULL) FROM unnest(proargtypes) WITH ORDINALITY AS a(t, n) ORDER BY n),
    CASE WHEN prorettype::regtype::text IN ('record', 'anyarray') THEN 'to_json' ELSE '' END
FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND pronargs BETWEEN 1 AND 5
    AND NOT 'internal'::regtype = ANY (proargtypes) AND prorettype::regtype::text !~ 'trigger|handler'
"""
# They would wait, end others' connections or fill the disk; all of their kind are refused by their first letters.
NOT_ASKED = ("pg_", "lo_", "binary_upgrade_")

LISTED = sorted(functions._LISTED)

# For those that run a text: what two of them expect of it. The second tells the first name that it finds, so that the
# victim's begins as no other test's does in the same database.
VECTOR = "'SELECT array_to_tsvector(array_agg(DISTINCT relname::text)) FROM pg_class'"
REWRITE = "'SELECT ''a''::tsquery, quote_literal(relname)::tsquery FROM pg_class WHERE relname LIKE ''intent%'''"


@dataclass
class Look:
    """A cursor that is the attacker's, and what of the victim's is in the catalogue."""

    cursor: Any
    victim: str  # their tenant's id
    name: str  # of a collection and its field
    numbers: list[str]  # of the collection's table, its row's type, its schema and its role

    def tells(self, query: str) -> bool:
        answer = ask(self.cursor, query)
        return self.name in answer or self.victim in answer


@pytest.fixture(scope="module")
def look(app: Flask, settings: Settings) -> Iterator[Look]:
    attacker, victim = (sign_up(app, database.browser(app)) for _ in range(2))
    name = f"intent{secrets.token_hex(8)}"
    victim.define(name, **{name: "text"})
    mode = modes.MODES[settings.tenant_isolation]
    (row,) = database.sql(
        app,
        "SELECT c.oid, reltype, relnamespace, r.oid FROM pg_class c JOIN pg_roles r ON rolname = :role"
        " WHERE relname = :name",
        name=name,
        role=mode.role_of(victim.tenant),
    )
    connection = psycopg2.connect(settings.database_url.replace("+psycopg2", ""))
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(f'SET ROLE "{mode.role_of(attacker.tenant)}"; SET search_path = "{attacker.tenant}"')
        yield Look(cursor, victim.tenant, name, [str(number) for number in row])


@pytest.fixture(scope="module")
def found(look: Look) -> dict[str, str]:
    """Which functions tell something that is the victim's, and by which call."""
    look.cursor.execute(CALLABLE)
    return {
        function: call
        for function, types, wrapper in look.cursor.fetchall()
        for call in calls(function, types, look.numbers)
        if look.tells(f"SELECT {wrapper}({call})")
    }


@pytest.fixture(scope="module")
def told(look: Look) -> dict[str, str]:
    """Which types tell it, given a number of the victim's as a text, and which text."""
    look.cursor.execute(
        "SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype <> 'c'"
    )
    texts = [text for number in look.numbers for text in (number, f"{{{number}}}")]
    return {
        kind: text
        for (kind,) in look.cursor.fetchall()
        for text in texts
        if look.tells(f"SELECT '{text}'::pg_catalog.\"{kind}\"::text")
    }


def test_no_function_that_the_guard_lets_through_tells_what_is_another_tenants(found: dict[str, str]) -> None:
    assert {function: call for function, call in found.items() if not is_refused_word(function)} == {}


def test_control_the_same_calls_find_what_the_refused_functions_tell(found: dict[str, str]) -> None:
    assert len(found) >= 20
    assert found.keys() >= {"regclassout", "format_type", "ts_stat", "ts_rewrite", "record_in", "array_in", "nextval"}


def test_what_a_statement_may_call_is_known_and_only_gives_back_what_it_makes_of_its_arguments(
    app: Flask, found: dict[str, str]
) -> None:
    known = "pronamespace = 'pg_catalog'::regnamespace AND proname = ANY (:names)"
    rows = database.sql(
        app, f"SELECT proname, provolatile::text, prolang < 15 AS ours FROM pg_proc WHERE {known}", names=LISTED
    )
    (asked,) = database.sql(app, "SELECT current_setting('server_version_num')::int AS version")
    missing = set() if asked.version >= 180000 else {"uuidv4", "uuidv7"}
    assert {row.proname for row in rows} == set(LISTED) - missing
    assert all(row.ours for row in rows)
    assert {row.proname for row in rows if row.provolatile == "v"} | missing == {
        "clock_timestamp", "gen_random_uuid", "random", "random_normal", "uuidv4", "uuidv7",
    }  # fmt: skip
    assert not found.keys() & set(LISTED)
    (counted,) = database.sql(app, "SELECT count(DISTINCT proname) AS n FROM pg_proc")
    assert len(LISTED) < counted.n / 8


def test_a_keyword_that_stands_before_a_bracket_is_no_function_that_tells_anything(found: dict[str, str]) -> None:
    assert not found.keys() & functions._KEYWORDS


def test_no_type_that_the_guard_lets_through_tells_what_is_another_tenants(told: dict[str, str]) -> None:
    assert {kind: text for kind, text in told.items() if not is_refused_word(kind)} == {}


def test_control_the_refused_types_tell_it(told: dict[str, str], settings: Settings) -> None:
    assert told.keys() >= {"regclass", "_regclass", "regtype", "_regtype", "_regnamespace"}
    of_roles = set() if modes.MODES[settings.tenant_isolation].shared else {"regrole", "_regrole"}
    assert told.keys() >= of_roles


def calls(function: str, types: list[str], numbers: list[str]) -> Iterator[str]:
    if not function.startswith(NOT_ASKED):
        for arguments in itertools.product(*(values(kind, numbers) for kind in types)):
            yield f"{function}({', '.join(arguments)})"


def values(kind: str, numbers: list[str]) -> list[str]:
    if kind == "oid" or kind.startswith("reg"):
        return [f"{number}::oid" for number in numbers]
    if kind in {"text", "name"}:
        return ["'x'", "'SELECT'", VECTOR, REWRITE]
    return {
        "cstring": ["'(,,,)'", "'{\"(,,,)\"}'"],
        "oidvector": [f"'{numbers[1]}'::oidvector"],
        "boolean": ["true"],
        "smallint": ["1::smallint"],
        "integer": ["1"],
        "bigint": ["1"],
        '"char"': ["'r'::\"char\""],
        '"any"': ["1"],
        "tsquery": ["'a'::tsquery"],
        "aclitem": ["'=r/postgres'::aclitem"],
    }.get(kind, [f"NULL::{kind}"])


def ask(cursor: Any, query: str) -> str:
    try:
        cursor.execute(query)
        return str(cursor.fetchall())
    except (psycopg2.Error, ValueError, OverflowError) as error:  # the driver can't read every date
        return str(error)
