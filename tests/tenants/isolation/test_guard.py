"""What the statement guard lets through and what it stops, as texts; `test_injection.py` runs them."""

from collections.abc import Iterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from tenants.backend.collections import records
from tenants.backend.collections.design import Collection, Field
from tenants.isolation import StatementRefused, functions, guard

PRODUCTS = Collection("products", "Products", (Field("title", "text", True), Field("price", "number")))
T = PRODUCTS.table
ORDERS = sa.Table(
    "orders",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("detail", JSONB),
    sa.Column("Odd name", sa.Text),
    sa.Column("select", sa.Text),
)
O = ORDERS.c  # noqa: E741  a table's columns
ID = UUID(int=1)
FOREIGN = "t_" + "a" * 16


def emitted() -> Iterator[object]:
    """Constructs whose text SQLAlchemy itself writes."""
    yield sa.select(T)
    yield sa.select(T).where(T.c.title.in_(["a", "b"])).order_by(T.c.price.desc().nulls_last()).limit(5).offset(2)
    yield sa.select(T).where(T.c.title.contains("50%", autoescape=True) | T.c.title.like("a%b"))
    yield sa.select(T).where(T.c.title == sa.literal_column("'100%%'"))
    yield sa.select(T.c.price % 2, T.c.price / 3, -T.c.price)
    yield sa.select(sa.case((T.c.price > 1.5, "dear"), else_="cheap"), sa.cast(T.c.price, sa.Text))
    yield sa.select(sa.func.count(), sa.func.coalesce(T.c.price, 0)).group_by(T.c.title).having(sa.func.count() > 1)
    yield sa.select(T, sa.func.row_number().over(partition_by=T.c.title, order_by=T.c.id))
    yield sa.select(ORDERS).where(O.detail["a"]["b"].astext == "x", O.detail.contains({"k": 1}), O.detail.has_key("k"))
    yield sa.select(sa.func.jsonb_build_object("a", O.detail), sa.func.jsonb_path_query(O.detail, "$.a[*]"))
    yield sa.select(O["Odd name"], O.select.label('a "quoted" label'))
    yield sa.select(T).join(ORDERS, O["Odd name"] == T.c.title, isouter=True).with_for_update(skip_locked=True)
    yield sa.select(T).where(sa.exists().where(O["Odd name"] == T.c.title))
    yield sa.select(T).where(T.c.title.regexp_match("a.b"), T.c.created_at > sa.text("now() - interval '1 day'"))
    yield sa.select(sa.func.to_char(sa.func.timezone("UTC", T.c.created_at), "YYYY"))
    yield sa.select(sa.func.regexp_replace(T.c.title, "a", "b"), sa.func.regr_slope(T.c.price, T.c.price))
    yield sa.union_all(sa.select(T.c.title).limit(1), sa.select(O["Odd name"]).limit(1))
    recursive = sa.select(T.c.price).cte("walk", recursive=True)
    yield sa.select(recursive.union_all(sa.select(recursive.c.price + 1)))
    yield sa.insert(T).values(id=ID, title="x").returning(T)
    yield sa.insert(T).values([{"id": ID, "title": "x"}, {"id": ID, "title": "y"}])
    yield insert(T).values(id=ID, title="x").on_conflict_do_update(index_elements=["id"], set_={"title": "y"})
    yield insert(T).from_select(["id", "title"], sa.select(sa.func.uuidv7(), O["Odd name"]))
    yield sa.update(T).values(title=sa.func.upper(T.c.title)).where(T.c.id == sa.bindparam("key")).returning(T.c.id)
    yield sa.delete(T).where(T.c.title.is_(None)).returning(T.c.id)
    yield records._json(records._shape(PRODUCTS, sa.insert(T).values(id=ID, title="x").returning(*T.c).cte("written")))


@pytest.mark.parametrize("construct", [*emitted()], ids=lambda construct: " ".join(text_of(construct).split())[:60])
def test_what_sqlalchemy_writes_may_run(construct: sa.ClauseElement) -> None:
    guard.check(text_of(construct))


@pytest.mark.parametrize(
    "statement",
    [
        "SAVEPOINT sa_savepoint_1",
        "ROLLBACK TO SAVEPOINT sa_savepoint_12",
        "RELEASE SAVEPOINT sa_savepoint_3",
        "select 1",
        "SELECT\n\t'it''s; a -- plain /* string */ of $$ and \\ and set_config'",
        "SELECT 1 AS \"a;b--c\", 'Größe', 1.5e3, 0x1F",
        "SELECT '100%%s', '%%(a)s', \"%%s\"",
        "SELECT a.e, b.n FROM x AS a, u AS b WHERE a.x = 'v'",
    ],
)
def test_plain_texts_may_run(statement: str) -> None:
    guard.check(statement)


NOT_PLAIN = [
    # another verb
    "", "   ", "SET ROLE x", "SET LOCAL statement_timeout = 0", "RESET ALL", "RESET ROLE", "SHOW ALL", "DISCARD ALL",
    "BEGIN", "COMMIT", "END", "ROLLBACK", "ABORT", "START TRANSACTION", "PREPARE TRANSACTION 'x'",
    "SAVEPOINT mine", "ROLLBACK TO SAVEPOINT mine", "RELEASE SAVEPOINT mine", "savepoint sa_savepoint_1",
    "SAVEPOINT sa_savepoint_1; RESET ROLE", "SAVEPOINT sa_savepoint_1\n", "ROLLBACK TO SAVEPOINT sa_savepoint_1 ",
    "EXPLAIN ANALYZE SELECT 1", "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE ALL", "DECLARE c CURSOR FOR SELECT 1",
    "FETCH c", "CLOSE ALL", "LISTEN x", "NOTIFY x", "UNLISTEN *", "LOCK TABLE products", "COPY products TO STDOUT",
    "DO 'BEGIN END'", "CALL f()", "CREATE TABLE x (y int)", "ALTER TABLE products ADD x int", "DROP TABLE products",
    "TRUNCATE products", "GRANT ALL ON products TO PUBLIC", "REASSIGN OWNED BY a TO b", "VACUUM", "ANALYZE",
    "REFRESH MATERIALIZED VIEW v", "SECURITY LABEL ON TABLE x IS 'y'", "IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c",
    "LOAD 'x'", "CHECKPOINT", "MERGE INTO x USING y ON true WHEN MATCHED THEN DELETE", "TABLE products", "VALUES (1)",
    "(SET ROLE x)", "((", '"select" 1', "'select' 1",
    # stacked
    "SELECT 1;", "SELECT 1; SELECT 2", "SELECT 1;RESET ROLE", "SELECT '' ; SELECT ''", ";SELECT 1",
    # comments
    "SELECT 1 -- x", "SELECT 1 --", "SELECT/**/1", "SELECT 1 /* x", "/* x */ SELECT 1", "--\nSELECT 1",
    # dollar quotes and numbered parameters
    "SELECT $$x$$", "SELECT $a$x$a$", "SELECT $1", "SELECT 1$$x$$", "SELECT $",
    # escapes: strings and identifiers that are not what they look like
    "SELECT E'\\''", "SELECT e'x'", "SELECT e 'x'", "SELECT E\n'x'", "SELECT U&'\\0041'", "SELECT u&'x'",
    'SELECT U&"\\0073et_config"(1)', 'SELECT u & "x"', "SELECT B'1'", "SELECT X'1F'", "SELECT N'x'", "SELECT 1\\2",
    "SELECT 1..e'\\''", "SELECT 1.e'\\''", "SELECT 1e'\\''", "SELECT \\",
    "SELECT 1..e'x'", "SELECT 1.e'x'", "SELECT 1e'x'", "SELECT 1.5.e'x'", "SELECT e%(a)s", "SELECT U%s",
    # quotes that do not close
    "SELECT '", "SELECT 'a", "SELECT 'a''", 'SELECT "a', "SELECT 'a' 'b", "SELECT \"a'", "SELECT '\"", "SELECT '''",
    "SELECT " + "''" * 20 + "'",
    # placeholders where the driver's quotes would close ours
    "SELECT '%s'", "SELECT '%(a)s'", "SELECT '%%%s'", 'SELECT "%s"', 'SELECT 1 AS "%(a)s"', "SELECT '%('')s'",
    # text that is one thing with parameters and another without
    "SELECT 5 %('a)s", "SELECT 5 %(length('2)s'))", 'SELECT 5 %("a)s")', "SELECT 5 %(a", "SELECT 5 % 2", "SELECT %t",
    "SELECT 5 %set_config('x', '1', true)::int", "SELECT 5 %(a)set_config('x', '1', true)", "SELECT 5 %s1",
    "SELECT %sx",
    # what ends or hides a text
    "SELECT 1\0", "SELECT 1\0 WHERE x", "SELECT '\0'", 'SELECT "\0"', "SELECT\0 1",
    "SELECT\u00a01", "\u00a0SELECT 1", "SELECT 1\u2028", "SELECT\u20031", "SELECT 1\x1c", "SELECT\x851",
    "\ufeffSELECT 1", "SELECT größe", "SELECT \u017fet_config(1)", "SELECT \u0663.pg_class", "SELECT \u212aelvin",
    "SELECT 1\x7f",
]  # fmt: skip


@pytest.mark.parametrize("statement", NOT_PLAIN, ids=ascii)
def test_what_is_not_one_plain_statement_is_refused(statement: str) -> None:
    with pytest.raises(StatementRefused):
        guard.check(statement)


OUT_OF_REACH = [
    "set_config", "SET_CONFIG", "Set_Config", "setseed",
    "pg_settings", "pg_catalog", "pg_class", "PG_CLASS", "pg_file_settings", "pg_reload_conf", "pg_notify", "pg_sleep",
    "pg_read_file", "pg_read_binary_file", "pg_ls_dir", "pg_stat_file", "pg_terminate_backend", "pg_cancel_backend",
    "pg_advisory_lock", "pg_try_advisory_lock", "pg_advisory_xact_lock", "pg_export_snapshot",
    "pg_logical_emit_message", "pg_stat_activity", "pg_stats", "pg_authid", "pg_get_viewdef", "pg_column_size",
    "pg_current_logfile", "lo_import", "lo_export", "lo_create", "lo_from_bytea", "lo_get", "lo_unlink", "loread",
    "lowrite",
    "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "table_to_xml", "table_to_xmlschema",
    "table_to_xml_and_xmlschema", "schema_to_xml", "schema_to_xmlschema", "schema_to_xml_and_xmlschema",
    "database_to_xml", "database_to_xmlschema", "database_to_xml_and_xmlschema", "cursor_to_xml", "cursor_to_xmlschema",
    "ts_stat", "ts_rewrite", "dblink", "dblink_exec", "crosstab", "crosstab2", "crosstab3", "crosstab4",
    "connectby", "xpath_table",
    "information_schema", "regclass", "regtype", "regrole", "regnamespace", "to_regclass", "to_regrole", "to_regtype",
    "format_type", "oidvectortypes", "obj_description", "col_description", "shobj_description", "acldefault",
    "makeaclitem", "nextval", "currval", "setval", "has_sequence_privilege", "gin_clean_pending_list",
    "brin_summarize_new_values", "brin_summarize_range", "brin_desummarize_range",
    "_regclass", "_regtype", "_regrole", "_regnamespace", "__regclass",
    "regclassin", "regclassout", "regtypeout", "regroleout", "regnamespacesend", "record_in", "array_in", "enum_in",
    "domain_in", "satisfies_hash_partition", "has_table_privilege", "has_column_privilege", "has_schema_privilege",
    "citus_tables", "run_command_on_workers", "run_command_on_shards",
    "fh_owner", "fh_app", "fh_tenant", FOREIGN, FOREIGN.upper(),
]  # fmt: skip


@pytest.mark.parametrize("word", OUT_OF_REACH)
def test_what_reaches_for_session_catalogue_or_server_is_refused_however_it_is_written(word: str) -> None:
    forms = [
        f"SELECT {word}(1)",
        f"SELECT {word.upper()} (1)",
        f'SELECT "{word}"(1)',
        f'SELECT * FROM "{word}"."x"',
        f"SELECT * FROM x.{word}",
        f"SELECT 1::{word}",
        f"WITH a AS (SELECT {word} FROM x) SELECT 1 FROM a",
        f"UPDATE {word} SET a = 1",
        f"INSERT INTO {word} VALUES (1)",
        f"DELETE FROM x USING\t{word}\n",
    ]
    assert [form for form in forms if passes(form)] == []
    assert guard.is_refused_word(word), "a collection of this name could be made and not be used"


def test_a_word_is_refused_for_itself_and_not_for_what_surrounds_it() -> None:
    """The control of the list above: the same forms pass with another word."""
    for word in (
        "products",
        "settings",
        "pgp",
        "lodge",
        "registry",
        "t_short",
        "config_set",
        "reg_plate",
        "has_stock",
        "regconfig",
        "regexp_match",
    ):
        assert passes(f'SELECT "{word}", 1::{word} FROM x.{word}'), word
        assert not guard.is_refused_word(word)


UNKNOWN = [
    "run_text('SELECT 1')", "public.run_text('x')", '"public" . "run_text" (1)', 'x."lower"(1)', "pg_temp.f(1)",
    "currtid2('products', '(0,0)')", "row_security_active('x')", "xpath('/a', x)", "version()", "inet_server_addr()",
    "txid_current()", "lastval()", "binary_upgrade_create_empty_extension()", "a[1:run_text(2)]", "a[1 :run_text(2)]",
    "f.left(1)", '"select"(1)', '"values"(1)', "1 OPERATOR(public.+) 1", "run_text %(values)s", "run_text%s",
    "(SELECT run_text(1))", "CASE WHEN run_text(1) THEN 1 END", "count(*) FILTER (WHERE run_text(1))",
]  # fmt: skip


@pytest.mark.parametrize("call", UNKNOWN)
def test_a_function_that_nobody_has_listed_is_refused_wherever_it_is_called(call: str) -> None:
    forms = [
        f"SELECT {call}", f"SELECT 1 FROM a JOIN b ON {call}", f"SELECT 1 FROM a, LATERAL {call}",
        f"SELECT 1 FROM {call} AS x (a, b)", f"DELETE FROM a USING {call}", f"UPDATE a SET b = {call}",
        f"INSERT INTO a (b) VALUES ({call})", f"INSERT INTO a (b) SELECT {call}", f"SELECT 1 ORDER BY {call} DESC",
        f"WITH a AS MATERIALIZED (SELECT {call}) SELECT 1 FROM a", f"SELECT 1 LIMIT {call}", f"SELECT ({call}).*",
        f"INSERT INTO a VALUES (1) ON CONFLICT (b) DO UPDATE SET b = {call} RETURNING {call}",
    ]  # fmt: skip
    assert [form for form in forms if passes(form)] == []
    listed = [form.replace(call, "lower(x)") for form in forms]  # the control
    assert [form for form in listed if not passes(form)] == []


@pytest.mark.parametrize(
    "statement",
    [
        'INSERT INTO "run_text" ("title") VALUES (1)', 'INSERT INTO platform.run_text ("title") VALUES (1)',
        "WITH RECURSIVE run_text(n) AS (SELECT 1) SELECT 1", "WITH run_text(n) AS (SELECT 1) SELECT 1",
        "SELECT a.b FROM jsonb_each(%s) AS a (b, c)", "SELECT 1::box2(3), CAST(1 AS box2(3)), 1::public.box2(3)",
        'SELECT "run_text" FROM "run_text" WHERE "run_text" IN (1)', "SELECT run_text = %s, run_text %% 2",
        'SELECT \'x\' AS "("',
    ],
)  # fmt: skip
def test_the_name_of_a_table_or_type_is_not_a_call(statement: str) -> None:
    guard.check(statement)


def test_a_module_names_what_its_statements_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "_admitted", set())
    statement = "SELECT public.similarity(title, %s) FROM products"
    assert not passes(statement)
    guard.admit("public.similarity")
    assert passes(statement)
    assert not passes(statement.replace("public.", ""))
    guard.admit("pg_sleep", "set_config")  # out of a tenant's reach all the same
    assert not passes("SELECT pg_sleep(1)")
    assert not passes("SELECT set_config('role', 'x', true)")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 INTO x",
        "SELECT a INTO TEMP x FROM b",
        "SELECT a INTO TABLE x FROM b",
        "WITH a AS (SELECT 1) SELECT 1 INTO x",
        "SELECT a insert INTO TEMP x FROM b",
        "SELECT a AS insert INTO TEMP x FROM b",
        "SELECT (a) insert INTO TEMP x FROM b",
        "WITH a AS (SELECT 1) SELECT (SELECT 2) insert INTO TEMP x FROM b",
        "(SELECT a.insert, (b) insert INTO TEMP x FROM a)",
    ],
)
def test_a_query_makes_no_table(statement: str) -> None:
    with pytest.raises(StatementRefused, match="SELECT INTO"):
        guard.check(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO x SELECT a FROM b",
        "INSERT INTO x (SELECT a FROM b) RETURNING (SELECT 1)",
        "WITH a AS (SELECT 1), b AS (INSERT INTO x SELECT 2 RETURNING *) INSERT INTO x SELECT * FROM b",
        "WITH a AS (INSERT INTO x VALUES (1) RETURNING *) SELECT * FROM a",
    ],
)
def test_what_inserts_may_say_into(statement: str) -> None:
    guard.check(statement)


@pytest.mark.parametrize(
    "construct",
    [
        CreateTable(T),
        DropTable(T),
        CreateIndex(sa.Index("orders_odd_ix", O["Odd name"])),
        sa.text("ALTER TABLE products ADD COLUMN weight NUMERIC DEFAULT 1.5 NOT NULL"),
        sa.text("ALTER TABLE products DROP COLUMN weight"),
        sa.text("COMMENT ON COLUMN products IS 'a.b'"),
    ],
    ids=lambda construct: " ".join(text_of(construct).split())[:40],
)
def test_the_design_scope_runs_ddl_on_the_tenants_own_tables(construct: sa.ClauseElement) -> None:
    text = text_of(construct)
    guard.check_design(text)
    with pytest.raises(StatementRefused):
        guard.check(text)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1", "INSERT INTO products VALUES (1)", "UPDATE products SET a = 1", "DELETE FROM products",
        "WITH a AS (SELECT 1) SELECT 1", "COPY products TO STDOUT", "", "SET LOCAL ROLE x", "RESET ROLE",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE TRIGGER t BEFORE INSERT ON products",
        "CREATE VIEW v AS SELECT 1", "CREATE RULE r AS ON SELECT TO products DO INSTEAD NOTHING", "CREATE SCHEMA s",
        "CREATE ROLE r", "CREATE EXTENSION dblink", "CREATE POLICY p ON products", "DROP SCHEMA s", "DROP ROLE r",
        "CREATE TEMP TABLE x (y int)", "CREATE UNLOGGED TABLE x (y int)", "GRANT ALL ON products TO x",
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC", "ALTER ROLE x SUPERUSER",
        "ALTER SCHEMA x RENAME TO y", "CREATE TABLE other.products (a int)", 'CREATE TABLE "a"."b" (a int)',
        'CREATE TABLE "a" . b (c int)', "CREATE TABLE x (LIKE other.products)",
        "CREATE TABLE x (y int REFERENCES other.products)",
        "DROP TABLE other\n.\nproducts", "ALTER TABLE products ADD y int DEFAULT other.f()",
        f'DROP TABLE "{FOREIGN}"', f"ALTER TABLE products SET SCHEMA {FOREIGN}", f"ALTER TABLE x OWNER TO {FOREIGN}",
        "ALTER TABLE products OWNER TO fh_tenant", "CREATE TABLE x AS SELECT 1", "CREATE TABLE x AS (select 1)",
        "CREATE TABLE x (y int DEFAULT set_config('role', 'x', true))", "CREATE TABLE x (y int); RESET ROLE",
        "ALTER TABLE products ADD y text DEFAULT ts_rewrite('a'::tsquery, 'SELECT 1')", "CREATE TABLE x (y int) -- z",
        "CREATE TABLE x (y text DEFAULT E'\\'')", "CREATE TABLE x (y text DEFAULT '%s')", "CREATE TABLE x (größe int)",
        "CREATE TABLE x (LIKE pg_class)",
    ],
)  # fmt: skip
def test_the_design_scope_refuses_all_else(statement: str) -> None:
    with pytest.raises(StatementRefused):
        guard.check_design(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "COPY products TO STDOUT", 'COPY "products" ("title") TO STDOUT WITH (FORMAT csv, HEADER true)',
        "copy (SELECT title FROM products WHERE price > 1) to stdout", "COPY products FROM STDIN",
    ],
)  # fmt: skip
def test_the_export_scope_copies_to_and_from_the_application(statement: str) -> None:
    guard.check_export(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1", "", "DELETE FROM stdin", "COPY products", "COPY products TO '/tmp/x'",
        "COPY products TO PROGRAM 'cat'",
        "COPY products FROM '/etc/passwd'", "COPY products FROM PROGRAM 'cat'", "COPY products TO STDOUT; RESET ROLE",
        "RESET ROLE; COPY products TO STDOUT", "COPY (SELECT set_config('role', 'x', true)) TO STDOUT",
        f'COPY "{FOREIGN}".products TO STDOUT', "COPY pg_class TO STDOUT", "COPY products TO STDOUT -- x",
        "COPY products FROM '/etc/passwd' WHERE a IS DISTINCT FROM stdin",
        "COPY products FROM PROGRAM 'cat' WHERE a IS DISTINCT FROM stdin",
        "COPY (SELECT 1 FROM stdin) TO '/tmp/x'", "COPY (SELECT a FROM x) TO PROGRAM 'to stdout'",
        "COPY products TO STDOUT WITH (DELIMITER E'\\t')",
    ],
)  # fmt: skip
def test_the_export_scope_refuses_all_else(statement: str) -> None:
    with pytest.raises(StatementRefused):
        guard.check_export(statement)


def test_a_verdict_is_remembered_and_does_not_rub_off_on_another_text() -> None:
    for _ in range(2):
        assert passes("SELECT 1")
        assert not passes("SELECT 1;")


def test_many_quotes_are_counted_to_the_last() -> None:
    assert passes("SELECT " + "''" * 300_000)
    assert not passes("SELECT " + "''" * 300_000 + "'")


def passes(statement: str) -> bool:
    try:
        guard.check(statement)
    except StatementRefused:
        return False
    return True


def text_of(construct: sa.ClauseElement) -> str:
    dialect: PGDialect_psycopg2 = postgresql.psycopg2.dialect()
    return str(construct.compile(dialect=dialect, compile_kwargs={"render_postcompile": True}))
