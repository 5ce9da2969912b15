"""Injected texts, by what they are after. VICTIM stands for the id of the tenant that is attacked.

Each names the place it is sent to (`tests/tenants/isolation/test_injection.py` has a page for each), the texts of one
request, and what else the page asks for.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

Place = Literal["filter", "sort", "statement", "raw", "design", "export"]


@dataclass(frozen=True)
class Attack:
    name: str
    place: Place
    texts: tuple[str, ...]
    more: dict[str, str] = field(default_factory=dict)
    error: str = ""  # what the server says to those that it stops by itself
    otherwise: str = ""  # a condition in SQL: of servers on which it comes to something else without the guard

    @property
    def names_the_victim(self) -> bool:
        """Then a refusal may repeat the attacker's own word."""
        return any("VICTIM" in text for text in (*self.texts, *self.more.values()))


def attack(name: str, place: Place, *texts: str, error: str = "", otherwise: str = "", **more: str) -> Attack:
    return Attack(name, place, texts, more, error, otherwise)


def each(attacks: list[Attack]) -> Any:
    return pytest.mark.parametrize("attack", attacks, ids=[attack.name for attack in attacks])


FOREIGN = "SELECT title FROM VICTIM.products"
LOCAL = f"SET LOCAL ROLE VICTIM; {FOREIGN}"
STEP = "SELECT set_config('role', 'VICTIM', true)"

# In one SELECT: a function that runs SQL of its own sees the role that another one has just set.
STAT = "SELECT array_to_tsvector(array_agg(title)) FROM VICTIM.products"
REWRITE = "SELECT ''a''::tsquery, quote_literal(title)::tsquery FROM VICTIM.products"
AS_VICTIM = f"({STEP} OFFSET 0) AS s(x)"

# What was made about the same time has a number near to that of one's own table.
NEAR = "(SELECT tableoid::int AS mine FROM products LIMIT 1) AS o, generate_series(-20000, 20000) AS g"

# A function of an extension's, made by tests/tenants/isolation/conftest.py, that runs a text.
RUN = "public.run_text"
BECOME = "SET LOCAL ROLE VICTIM"

READS_A_ROW = [
    attack("stacked", "filter", f"'; RESET ROLE; {LOCAL} --"),
    attack("stacked, without a comment", "filter", f"'; SET ROLE VICTIM; {FOREIGN} WHERE title <> '"),
    attack("stacked, quoted names", "filter", '\'; SET LOCAL ROLE "VICTIM"; SELECT title FROM "VICTIM".products --'),
    attack(
        "stacked, by search path",
        "filter",
        "'; SET LOCAL ROLE VICTIM; SET LOCAL search_path = VICTIM; SELECT title FROM products --",
    ),
    attack("COMMIT first", "filter", f"'; COMMIT; SET ROLE VICTIM; {FOREIGN} --"),
    attack("ROLLBACK first", "filter", f"'; ROLLBACK; BEGIN; {LOCAL} --"),
    attack("SET ROLE NONE first", "filter", f"'; SET LOCAL ROLE NONE; {LOCAL} --"),
    attack(
        "UNION with ts_stat",
        "filter",
        f"' UNION ALL SELECT word FROM {AS_VICTIM}, LATERAL ts_stat('{STAT} WHERE ''' || x || ''' <> ''''')"
        " WHERE word <> '",
    ),
    attack(
        "UNION with ts_rewrite",
        "filter",
        f"' UNION ALL SELECT ts_rewrite('a', '{REWRITE}')::text FROM {AS_VICTIM} WHERE x <> '",
    ),
    attack("stacked in a sort clause", "sort", f"title; {LOCAL}"),
    attack("a placeholder between quotes", "sort", "title || '%(q)s'", q=f"; {LOCAL} --"),
    attack("a placeholder in a quoted name", "sort", '(SELECT 1 AS "%(q)s")', q=f'"); {LOCAL} --'),
    attack(
        "a sort clause, told by an error",
        "sort",
        f"title LIMIT (SELECT 0 FROM {AS_VICTIM}) + (SELECT count(*) FROM ts_stat('{STAT}') WHERE word::int = 0)",
    ),
    attack("set_config", "statement", STEP, FOREIGN),
    attack("set_config quoted", "statement", "SELECT \"set_config\"('role', 'VICTIM', true)", FOREIGN),
    attack("set_config in mixed case", "statement", "SELECT Pg_Catalog . SET_Config ('role', 'VICTIM', true)", FOREIGN),
    attack(
        "set_config between comments",
        "statement",
        "SELECT/**/set_config/* /* ; */ */('role', 'VICTIM', true)",
        FOREIGN,
    ),
    attack("set_config behind a comment", "statement", "SELECT -- '\nset_config('role', 'VICTIM', true) -- '", FOREIGN),
    attack(
        "set_config by Unicode escapes",
        "statement",
        "SELECT U&\"\\0073et_config\"('role', 'VICTIM', true)",
        FOREIGN,
    ),
    attack(
        "set_config by escapes of its own",
        "statement",
        "SELECT u&\"!0073et_config\" UESCAPE '!' ('role', 'VICTIM', true)",
        FOREIGN,
    ),
    attack(
        "set_config in a CTE, one statement",
        "statement",
        f"WITH s(x) AS MATERIALIZED ({STEP})"
        f" SELECT word FROM s, LATERAL ts_stat('{STAT} WHERE ''' || x || ''' <> ''''')",
    ),
    attack(
        "set_config in INSERT",
        "statement",
        f"INSERT INTO products (id, title) VALUES (gen_random_uuid(), ({STEP}))",
        FOREIGN,
    ),
    attack("set_config in RETURNING", "statement", f"UPDATE products SET title = title RETURNING ({STEP})", FOREIGN),
    attack("set_config in DELETE", "statement", f"DELETE FROM products WHERE ({STEP}) IS NULL", FOREIGN),
    attack("EXPLAIN ANALYZE", "statement", f"EXPLAIN ANALYZE {STEP}", FOREIGN),
    attack("PREPARE", "statement", f"PREPARE p AS {STEP}", "EXECUTE p", "DEALLOCATE p", FOREIGN),
    attack("DECLARE", "statement", f"DECLARE c CURSOR FOR {STEP}", "FETCH c", FOREIGN),
    attack("DO", "statement", "DO $$BEGIN SET LOCAL ROLE VICTIM; END$$", FOREIGN),
    attack("DO with EXECUTE", "statement", "DO 'BEGIN EXECUTE ''SET LOCAL ROLE VICTIM''; END'", FOREIGN),
    attack("SET LOCAL", "statement", "SET LOCAL ROLE VICTIM", FOREIGN),
    attack("RESET", "statement", "RESET ROLE", "SET LOCAL ROLE VICTIM", FOREIGN),
    attack("an empty statement first", "statement", f"; {LOCAL}"),
    attack("an escape string", "statement", f"SELECT E'\\''; {LOCAL} WHERE title <> E'\\''"),
    attack("a dollar quote around a quote", "statement", f"SELECT $$'$$; {LOCAL} WHERE $$'$$ <> ''"),
    attack("a comment around a quote", "statement", f"SELECT 1 /*'*/; {LOCAL} /*'*/"),
    attack(
        "what is a placeholder only where there are parameters",
        "raw",
        "SELECT 5 %(length('2)s')); SET LOCAL ROLE VICTIM;"
        " SELECT title FROM (SELECT title FROM VICTIM.products WHERE title <> ' %(a')s",
    ),
    attack(
        "as the owner of all schemas, CREATE TABLE AS",
        "design",
        f"CREATE TABLE seen AS {FOREIGN}",
        then="SELECT title FROM seen",
    ),
    attack(
        "as the owner of all schemas, a default",
        "design",
        f"ALTER TABLE products ADD COLUMN seen text DEFAULT ts_rewrite('a', '{REWRITE}')::text",
        then="SELECT seen FROM products",
    ),
    attack("as the owner of all schemas, stacked", "design", f"DROP TABLE IF EXISTS nothing; {LOCAL}", then="SELECT 1"),
    attack(
        "a function that nobody has forbidden by name",
        "statement",
        f"SELECT concat({RUN}('{BECOME}'), {RUN}('{FOREIGN}'))",
    ),
    attack(
        "the same in quotes", "statement", f"SELECT concat(\"public\" . \"run_text\"('{BECOME}'), {RUN}('{FOREIGN}'))"
    ),
    attack(
        "the same in a filter", "filter", f"' || {RUN}('{BECOME}') IS NULL UNION SELECT {RUN}('{FOREIGN}') WHERE '' = '"
    ),
    attack("the same in a sort clause, told by an error", "sort", f"{RUN}('{BECOME}') || {RUN}('{FOREIGN}')::int"),
    attack(
        "the same in FROM, JOIN, USING and RETURNING",
        "statement",
        f"WITH gone AS (DELETE FROM products p USING {RUN}('{BECOME}') b WHERE false RETURNING {RUN}('x'))"
        f" SELECT b FROM {RUN}('{BECOME}') a JOIN LATERAL {RUN}('{FOREIGN}' || coalesce(a, '')) b ON true",
    ),
    attack(
        "a CTE with a data change, stacked",
        "filter",
        "'; SET LOCAL ROLE VICTIM; WITH w AS (UPDATE VICTIM.products SET title = title RETURNING title)"
        " SELECT title FROM w WHERE title <> '",
    ),
    attack("TABLE, stacked", "statement", "SET LOCAL ROLE VICTIM; TABLE VICTIM.products"),
    attack(
        "longer than what is remembered",
        "statement",
        f"SELECT 1{' ' * 9000}; {LOCAL}",
    ),
    attack("odd white space", "statement", "SELECT\fset_config\v(\r\t'role', 'VICTIM', true)", FOREIGN),
    attack("COPY, stacked", "export", "SET LOCAL ROLE VICTIM; COPY VICTIM.products TO STDOUT"),
    attack(
        "COPY of what a function reads",
        "export",
        f"COPY (SELECT ts_rewrite('a', '{REWRITE}') FROM {AS_VICTIM} WHERE x <> '') TO STDOUT",
    ),
]

# The catalogue is readable by every role, and holds how others call their collections, and their ids.
READS_A_NAME = [
    attack("pg_class", "statement", "SELECT string_agg(relname, ' ') FROM pg_class"),
    attack("pg_class in a filter", "filter", "' UNION ALL SELECT relname FROM pg_catalog.pg_class WHERE relname <> '"),
    attack("pg_class by Unicode escapes", "statement", "SELECT string_agg(relname, ' ') FROM U&\"pg\\005fclass\""),
    attack(
        "pg_class through ts_rewrite",
        "statement",
        "SELECT ts_rewrite('a', 'SELECT ''a''::tsquery, quote_literal(string_agg(relname, ''/''))::tsquery"
        " FROM pg_class WHERE relname LIKE ''plan%%''')",
    ),
    attack(
        "pg_class through ts_stat",
        "statement",
        "SELECT word FROM ts_stat('SELECT array_to_tsvector(array_agg(DISTINCT relname::text)) FROM pg_class')",
    ),
    attack("pg_namespace", "statement", "SELECT string_agg(nspname, ' ') FROM pg_namespace"),
    attack("pg_roles", "statement", "SELECT string_agg(rolname, ' ') FROM pg_roles"),
    attack("regclass", "statement", f"SELECT string_agg((mine + g)::oid::regclass::text, ' ') FROM {NEAR}"),
    attack("regtype", "statement", f"SELECT string_agg(CAST(mine + g AS regtype)::text, ' ') FROM {NEAR}"),
    attack(
        "regrole",
        "statement",
        "SELECT string_agg((mine + g)::oid::regrole::text, ' ') FROM"
        " (SELECT current_user::text::regrole::oid::int AS mine) AS o, generate_series(-20000, 20000) AS g",
    ),
    attack(
        "regnamespace",
        "statement",
        "SELECT string_agg((mine + g)::oid::regnamespace::text, ' ') FROM"
        " (SELECT current_schema::text::regnamespace::oid::int AS mine) AS o, generate_series(-20000, 20000) AS g",
    ),
    attack("format_type", "statement", f"SELECT string_agg(format_type((mine + g)::oid, NULL), ' ') FROM {NEAR}"),
    attack(
        "oidvectortypes", "statement", f"SELECT string_agg(oidvectortypes((mine + g)::text::oidvector), '') FROM {NEAR}"
    ),
    attack("acldefault", "statement", f"SELECT string_agg(acldefault('r', (mine + g)::oid)::text, '') FROM {NEAR}"),
    attack(
        "makeaclitem",
        "statement",
        f"SELECT string_agg(makeaclitem((mine + g)::oid, 10, 'SELECT', false)::text, ' ') FROM {NEAR}",
    ),
]

# ITS_TABLE and ITS_TYPE stand for the oids of the victim's table and its row's type, which an attacker finds by
# counting. An array's type has a name of its own.
READS_A_NAME += [
    attack("_regclass", "statement", "SELECT '{ITS_TABLE}'::_regclass::text"),
    attack("_regtype", "statement", "SELECT CAST('{ITS_TYPE}' AS _regtype)::text"),
    attack("_regclass in quotes", "statement", "SELECT '{ITS_TABLE}'::\"_regclass\"::text"),
    attack("_regclass in front of its text", "statement", "SELECT _regclass '{ITS_TABLE}'::text"),
    attack(
        "_regclass out of JSON",
        "statement",
        "SELECT to_json(x) FROM json_to_record('{\"x\": [ITS_TABLE]}') AS r(x _regclass)",
    ),
    attack(
        "a cast, told by an error",
        "filter",
        "' || (SELECT string_agg(relname, ' ') FROM pg_class WHERE relname LIKE 'plan%%')::int || '",
    ),
    attack(
        "who may what",
        "statement",
        "SELECT pg_get_acl('pg_class'::regclass, ITS_TABLE, 0)::text",
        otherwise="to_regproc('pg_get_acl') IS NULL",  # which came with PostgreSQL 18
    ),
    attack(
        "a CTE that writes down what it saw",
        "statement",
        "WITH w AS (INSERT INTO products (id, title) SELECT gen_random_uuid(), string_agg(relname, ' ') FROM pg_class"
        " RETURNING title) SELECT title FROM w",
    ),
]

READS_A_NAME += [
    attack(call.partition("(")[0] + " of an oid", "statement", f"SELECT {call}")
    for call in [
        "regclassout(ITS_TABLE::oid)",
        "regtypeout(ITS_TYPE::oid)",
        "row_to_json(record_in('(,,,)', ITS_TYPE, -1))",
        "array_to_json(array_in('{\"(,,,)\"}', ITS_TYPE, -1))",
    ]
]
READS_A_NAME += [
    attack(call.partition("(")[0] + ", told by an error", "statement", f"SELECT {call}")
    for call in [
        "nextval(ITS_TABLE::oid)",
        "currval(ITS_TABLE::oid)",
        "setval(ITS_TABLE::oid, 1)",
        "has_sequence_privilege(ITS_TABLE::oid, 'USAGE')",
        "has_column_privilege(ITS_TABLE::oid, 'none', 'SELECT')",
        "gin_clean_pending_list(ITS_TABLE::oid)",
        "brin_summarize_new_values(ITS_TABLE::oid)",
        "brin_summarize_range(ITS_TABLE::oid, 1)",
        "brin_desummarize_range(ITS_TABLE::oid, 1)",
        "satisfies_hash_partition(ITS_TABLE::oid, 1, 0, 1)",
        "enum_in('x', ITS_TYPE)",
        "domain_in('x', ITS_TYPE, -1)",
    ]
]

LEAVES_A_TRACE = [
    attack("a role, committed", "filter", "'; COMMIT; SET ROLE VICTIM --"),
    attack("a role by SET SESSION", "statement", "SET SESSION ROLE VICTIM"),
    attack("a role by set_config", "sort", "(SELECT set_config('role', 'VICTIM', false))"),
    attack("a search path by set_config", "filter", "' || set_config('search_path', 'VICTIM', false) || '"),
    attack("a search path by SET", "statement", "SET search_path = VICTIM"),
    attack("a timeout", "statement", "SET statement_timeout = 1234567"),
    attack("another way to read strings", "statement", "SET standard_conforming_strings = off"),
    attack("read-only transactions", "statement", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
    attack("a prepared statement", "statement", "PREPARE kept AS SELECT title FROM products"),
    attack("a held cursor", "statement", "DECLARE kept CURSOR WITH HOLD FOR SELECT title FROM products"),
    attack("a channel", "statement", "LISTEN everybody"),
    attack(
        "a search path by pg_settings, in a CTE",
        "filter",
        "' UNION ALL SELECT 'x' FROM products; WITH w AS (SELECT 1)"
        " UPDATE pg_settings SET setting = 'VICTIM' FROM w WHERE name = 'search_path' AND '' = '",
    ),
    attack(
        "a timeout by pg_settings",
        "statement",
        "UPDATE \"pg_settings\" SET setting = 77 WHERE name = 'statement_timeout'",
    ),
    attack(
        "a word behind a sign that is no placeholder here",
        "raw",
        "SELECT 5 %set_config('extra_float_digits', '2', false)::int",
    ),
    attack(
        "SELECT INTO behind a column that is called insert",
        "statement",
        "SELECT (title) insert INTO TEMP fh_keys FROM products",
    ),
    attack("a temporary table", "statement", "CREATE TEMP TABLE fh_keys (x int)"),
    attack("a temporary table out of a query", "statement", "CREATE TEMP TABLE fh_keys AS SELECT title FROM products"),
    attack("what an extension's function sets", "filter", f"' || {RUN}('SET extra_float_digits = 2') || '"),
    attack("behind a savepoint of SQLAlchemy's", "statement", "SAVEPOINT sa_savepoint_1; SET search_path = VICTIM"),
]

# What shows in the victim's own workspace: the attacker writes "planted" there.
PLANT = "INSERT INTO VICTIM.products (id, title) VALUES (gen_random_uuid(), 'planted')"
WRITES = [
    attack("stacked", "filter", f"'; SET LOCAL ROLE VICTIM; {PLANT} RETURNING title --"),
    attack(
        "an extension's function",
        "statement",
        f"SELECT {RUN}('{BECOME}'), {RUN}('{PLANT.replace(chr(39), chr(39) * 2)}')",
    ),
    attack("DO", "statement", f"DO $$BEGIN SET LOCAL ROLE VICTIM; {PLANT}; END$$"),
    attack("as the owner of all schemas", "design", f"{PLANT}", then="SELECT 1"),
]

# These run without the guard as well, and show nothing of the victim's and leave nothing.
GAINS_NOTHING = [
    attack("a lock on a table", "statement", "LOCK TABLE products IN ACCESS EXCLUSIVE MODE"),
    attack("a notice", "statement", "NOTIFY everybody, 'x'"),
    attack("forgotten plans", "statement", "DISCARD PLANS"),
    attack("a plan", "statement", "EXPLAIN (VERBOSE) SELECT title FROM products"),
    attack("all settings", "statement", "SHOW ALL"),
    attack("an operator of a schema", "statement", "SELECT 1 OPERATOR(pg_catalog.+) 2"),
    attack("time", "statement", "SELECT pg_sleep(0)"),
    attack("a lock that lasts as long as the transaction", "statement", "SELECT pg_advisory_xact_lock(4711)"),
    attack("a cursor", "statement", "DECLARE c CURSOR FOR SELECT title FROM products", "FETCH c", "CLOSE c"),
    attack("row security off", "statement", "SET LOCAL row_security = off"),
    attack("what others may", "statement", "GRANT SELECT ON products TO PUBLIC"),  # which is warned of, and not done
    attack("MERGE", "statement", "MERGE INTO products p USING (SELECT 1) x ON false WHEN MATCHED THEN DELETE"),
]

# These can't succeed on the embedded server, so nothing shows what the guard adds: `error` is why.
STOPPED_BY_THE_SERVER = [
    attack("another schema", "statement", FOREIGN, error="permission denied for schema"),
    attack(
        "query_to_xml",
        "statement",
        f"SELECT query_to_xml('{FOREIGN}', true, true, '') FROM {AS_VICTIM} WHERE x <> ''",
        error="unsupported XML feature",
        otherwise="pg_input_is_valid('<a/>', 'xml')",  # built with XML, it is one more function that runs a text
    ),
    attack("dblink", "statement", "SELECT dblink('dbname=x', 'SELECT 1')", error="function dblink.* does not exist"),
    attack(
        "all that a connection keeps", "statement", "DISCARD ALL", error="DISCARD ALL cannot run inside a transaction"
    ),
    attack("SELECT INTO", "statement", "SELECT title INTO kept FROM products", error="permission denied for schema"),
    attack("CREATE TABLE AS", "statement", "CREATE TABLE kept AS SELECT 1", error="permission denied for schema"),
    attack("a function", "statement", "CREATE FUNCTION f() RETURNS int RETURN 1", error="permission denied for schema"),
    attack(
        "a record of another's",
        "statement",
        "SELECT json_populate_record(NULL::VICTIM.products, '{}')",
        error="permission denied for schema",
    ),
    attack(
        "an oracle for names of tables",
        "statement",
        "SELECT row_security_active('VICTIM.products')",
        error="permission denied for schema",
    ),
    attack(
        "a program's output",
        "statement",
        "COPY products FROM PROGRAM 'id'",
        error="permission denied|can't execute COPY",
    ),
    attack("a file as object", "statement", "SELECT lo_import('/etc/passwd')", error="denied for function lo_import"),
    attack(
        "another session user",
        "statement",
        "SET SESSION AUTHORIZATION VICTIM",
        error="permission denied to set session authorization",
    ),
    attack("COPY among statements", "statement", "COPY products TO STDOUT", error="can't execute COPY TO"),
    attack("COPY to a program", "export", "COPY products TO PROGRAM 'cat'", error="permission denied to COPY"),
    attack("COPY to a file", "export", "COPY products TO '/tmp/products'", error="permission denied to COPY"),
    attack("COPY from a file", "export", "COPY products FROM '/etc/passwd'", error="permission denied to COPY"),
    attack("the server's settings", "statement", "SELECT pg_reload_conf()", error="denied for function pg_reload_conf"),
]
