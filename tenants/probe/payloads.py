"""Statements that would read another tenant, one for each class of attack that has succeeded somewhere.

VICTIM stands for the id of the tenant that they aim at, WHO for the role that its transactions act as. Should one get
through, nothing of it is left once its transaction is rolled back. With the guard away each does read the other, or is
stopped by the server alone: tests/tenants/probe/test_payloads.py shows which.
"""

from dataclasses import dataclass
from typing import Literal

# ruff: noqa: S608  injections are what this is made of


@dataclass(frozen=True)
class Payload:
    name: str
    texts: tuple[str, ...]
    scope: Literal["work", "design", "export"] = "work"
    then: str = ""  # in the work scope afterwards
    harmful: bool = False  # what it does is a find, whatever it shows
    by_id: bool = False  # an id in its answer is a find


OWN = "SELECT marker FROM markers"
FOREIGN = 'SELECT marker FROM "VICTIM".markers'
_ROLE = 'SET LOCAL ROLE "WHO"'
_PATH = 'SET LOCAL search_path = "VICTIM"'
_AS_VICTIM = f"{_ROLE}; {FOREIGN}"
_STEP = "SELECT set_config('role', 'WHO', true)"
_STAT = 'SELECT array_to_tsvector(array_agg(marker)) FROM "VICTIM".markers'
_HOLE = f"{OWN} WHERE marker = '"


def _statements(name: str, *texts: str, harmful: bool = False, by_id: bool = False) -> Payload:
    return Payload(name, texts, harmful=harmful, by_id=by_id)


GUARDED = (
    _statements("another schema", FOREIGN),
    _statements("RESET ROLE, stacked", f"{_HOLE}'; RESET ROLE; {_AS_VICTIM} --'"),
    _statements("SET ROLE, stacked", f"{_HOLE}'; SET ROLE \"WHO\"; {FOREIGN} WHERE marker <> ''"),
    _statements("COMMIT first", f"{_HOLE}'; COMMIT; BEGIN; {_AS_VICTIM} --'"),
    _statements("search path, stacked", f"{_HOLE}'; {_ROLE}; {_PATH}; {OWN} --'"),
    _statements("another search path", f"{OWN}; {_PATH}; {OWN}"),
    _statements("set_config", _STEP, FOREIGN),
    _statements("set_config between comments", "SELECT/**/set_config/*'*/('role', 'WHO', true)", FOREIGN),
    _statements(
        "set_config by Unicode escapes", "SELECT U&\"\\0073et_config\"('role', 'WHO', true)", FOREIGN
    ),
    _statements(
        "set_config and ts_stat in one statement",
        f"WITH s(x) AS MATERIALIZED ({_STEP})"
        f" SELECT word FROM s, LATERAL ts_stat('{_STAT} WHERE ''' || x || ''' <> ''''')",
    ),
    _statements(
        "set_config and query_to_xml in one statement",
        f"SELECT query_to_xml('{FOREIGN}', true, true, '') FROM ({_STEP} OFFSET 0) AS s(x) WHERE x <> ''",
    ),
    _statements(
        "a data change in a CTE",
        f"WITH w AS (UPDATE markers SET marker = marker RETURNING ({_STEP})) SELECT * FROM w",
        FOREIGN,
    ),
    _statements(
        "pg_settings", "UPDATE pg_settings SET setting = 'VICTIM' WHERE name = 'search_path'", harmful=True
    ),
    _statements("an escape string", f"SELECT E'\\''; {_AS_VICTIM} WHERE marker <> E'\\''"),
    _statements("a dollar quote around a quote", f"SELECT $$'$$; {_AS_VICTIM} WHERE $$'$$ <> ''"),
    _statements("DO", 'DO $$BEGIN SET LOCAL ROLE "WHO"; END$$', FOREIGN),
    _statements("PREPARE", 'PREPARE p AS SELECT 1; SET LOCAL ROLE "WHO"; DEALLOCATE p', FOREIGN),
    _statements("EXPLAIN ANALYZE", f"EXPLAIN ANALYZE {_STEP}", FOREIGN),
    _statements("the catalogue's schemas", "SELECT nspname FROM pg_namespace", by_id=True),
    _statements("the catalogue's roles", "SELECT array_agg(rolname) FROM pg_roles", by_id=True),
    _statements("SET SESSION AUTHORIZATION", 'SET SESSION AUTHORIZATION "WHO"', FOREIGN),
    _statements("dblink", f"SELECT * FROM dblink('', '{FOREIGN}') AS d(marker text)"),
    _statements("SELECT INTO", 'SELECT marker INTO seen FROM "VICTIM".markers', "SELECT marker FROM seen"),
    _statements("an advisory lock", "SELECT pg_advisory_xact_lock(7301008)", harmful=True),
    _statements("a large object", "SELECT lo_from_bytea(0, 'left for somebody')", harmful=True),
    _statements("a file of the server's", "SELECT pg_read_file('PG_VERSION')", harmful=True),
    Payload("COPY, stacked", ('SET LOCAL ROLE "WHO"; COPY "VICTIM".markers TO STDOUT',), "export"),
    Payload("COPY to a program", ("COPY markers TO PROGRAM 'true'",), "export", harmful=True),
    Payload("as all schemas' owner", (f"CREATE TABLE seen AS {FOREIGN}",), "design", "SELECT marker FROM seen"),
    Payload("as all schemas' owner, stacked", (f"DROP TABLE IF EXISTS nothing; {FOREIGN}",), "design"),
)  # fmt: skip

# What the server refuses to a tenant's role by itself, told past the guard.
UNGUARDED = (
    _statements("another schema", FOREIGN),
    _statements("another search path", 'SET LOCAL search_path = "VICTIM"', "SELECT marker FROM markers"),
    _statements("SET SESSION AUTHORIZATION", 'SET SESSION AUTHORIZATION "WHO"', FOREIGN),
    _statements("SELECT INTO", "SELECT marker INTO seen FROM markers", harmful=True),
    _statements("CREATE TABLE", "CREATE TABLE seen (id int)", harmful=True),
    _statements("ALTER TABLE", "ALTER TABLE markers ADD COLUMN seen text", harmful=True),
    _statements("CREATE FUNCTION", "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1", harmful=True),
    _statements("a password", "SELECT password_hash FROM platform.users", harmful=True),
    _statements("a table of the platform's", "SELECT id FROM platform.subscriptions", harmful=True),
    _statements("a file of the server's", "SELECT pg_read_file('PG_VERSION')", harmful=True),
    _statements("COPY to a program", "COPY markers TO PROGRAM 'true'", harmful=True),
)
