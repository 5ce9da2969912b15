"""Every function of the server that the guard lets through, called with another tenant's numbers.

The catalogue is readable by every role, and knows how others call their tables and fields. Which functions tell it is
not written down anywhere and changes with PostgreSQL's version, so all are asked.
"""

import contextlib
import itertools
import secrets
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from flask import Flask

from saas.core.settings import Settings
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

# For those that run a text: what two of them expect of it.
VECTOR = "'SELECT array_to_tsvector(array_agg(DISTINCT relname::text)) FROM pg_class'"
REWRITE = "'SELECT ''a''::tsquery, quote_literal(relname)::tsquery FROM pg_class WHERE relname LIKE ''plan%'''"


@pytest.fixture(scope="module")
def found(app: Flask, settings: Settings) -> dict[str, str]:
    """Which functions tell something that is the victim's, and by which call."""
    attacker, victim = (sign_up(app, database.browser(app)) for _ in range(2))
    name = f"plan{secrets.token_hex(8)}"
    victim.define(name, **{name: "text"})
    (row,) = database.sql(
        app,
        "SELECT c.oid, reltype, relnamespace, r.oid FROM pg_class c JOIN pg_roles r ON rolname = :tenant"
        " WHERE relname = :name",
        name=name,
        tenant=victim.tenant,
    )
    numbers = [str(number) for number in row]
    connection = psycopg2.connect(settings.database_url.replace("+psycopg2", ""))
    connection.autocommit = True
    told = {}
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(CALLABLE)
        functions = cursor.fetchall()
        cursor.execute(f'SET ROLE "{attacker.tenant}"; SET search_path = "{attacker.tenant}"')
        for function, types, wrapper in functions:
            for call in calls(function, types, numbers):
                answer = ask(cursor, f"SELECT {wrapper}({call})")
                if name in answer or victim.tenant in answer:
                    told[function] = call
    return told


def test_no_function_that_the_guard_lets_through_tells_what_is_another_tenants(found: dict[str, str]) -> None:
    assert {function: call for function, call in found.items() if not is_refused_word(function)} == {}


def test_control_the_same_calls_find_what_the_refused_functions_tell(found: dict[str, str]) -> None:
    assert len(found) >= 20
    assert found.keys() >= {"regclassout", "format_type", "ts_stat", "ts_rewrite", "record_in", "array_in", "nextval"}


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
