"""Which names with a dot pass the guard where tenants share a role: as texts, and as statements made at random.

What is made at random runs on the server as the role that could read the other schema: a text that the guard takes for
something else than PostgreSQL does shows its row.
"""

import contextlib
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import psycopg2
import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core.settings import Settings
from tenants.isolation import StatementRefused, guard, names
from tenants.isolation.connection import Binding, Connection
from tenants.isolation.modes import SCHEMA
from tests.support import counts, database
from tests.tenants.isolation.conftest import Superuser, open_tenant
from tests.tenants.isolation.test_guard import FOREIGN, emitted, text_of

ROUNDS = 100_000 if counts.FULL else 2_000

PASS = """
SELECT products.title, products.* FROM products
SELECT p.title FROM products AS p, orders o WHERE p.id = o.id
SELECT p.title FROM products p JOIN orders o ON p.id = o.id AND o.x = 1, more m WHERE m.x = p.x
SELECT platform.users.id FROM platform.users JOIN platform.memberships ON platform.memberships.role = 'x'
SELECT usage_1.used FROM platform.usage AS usage_1
SELECT "Odd name"."a.b" FROM "Odd name"
UPDATE products SET title = products.title, price = products.price + 1 WHERE products.id = 1 RETURNING products.id
UPDATE products SET update = 1, b = products.c
INSERT INTO products (id, t) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET t = excluded.t, p = products.p RETURNING t
INSERT INTO products (id) SELECT o.id FROM orders o JOIN b ON b.x = o.x ON CONFLICT (id) DO UPDATE SET a = excluded.a
DELETE FROM products USING orders o WHERE o.x = products.x
WITH w AS (SELECT products.id FROM products), v (a) AS (SELECT 1) SELECT w.id, v.a FROM w, v
SELECT DISTINCT ON (products.a) products.b, products.c FROM products ORDER BY products.a
SELECT extract(epoch FROM p.created_at), p.x IS DISTINCT FROM p.y, p.x IS NOT DISTINCT FROM p.z FROM products p
SELECT e.value FROM products p, LATERAL jsonb_array_elements(p.detail) AS e
SELECT (p.row).x, (p.arr)[1].y FROM products p
SELECT count(*) FILTER (WHERE p.x > 1.5), sum(p.x) OVER (PARTITION BY p.y ORDER BY p.z) FROM products p
SELECT CASE p.a WHEN p.b THEN p.c ELSE p.d END FROM products p GROUP BY p.a HAVING p.b > .5 LIMIT 1
SELECT anon_1.x FROM (SELECT p.x FROM products p) AS anon_1 FOR UPDATE OF anon_1
SELECT p.x %% p.y, -p.z, p.a || 'x', p.x::numeric(5, 2), CAST(p.y AS text) FROM products p
SELECT public.similarity(p.title, p.label) FROM products p
COPY products (title) TO STDOUT
""".strip().splitlines()

REFUSED = """
SELECT title FROM side.products
SELECT title FROM "side"."products" AS "side"
SELECT title FROM db.side.products
SELECT title FROM platform.side.products
SELECT NULL::platform.side.products
INSERT INTO platform.side.products (title) VALUES ('x')
SELECT title FROM PLATFORM_x.products
SELECT title FROM "PLATFORM".products AS "PLATFORM"
SELECT title FROM products FOR UPDATE OF side.products
SELECT title INTO side.kept FROM products
SELECT side.products.title FROM products side
SELECT side.title FROM products
SELECT NULL::side.products FROM products side
SELECT ARRAY[1]::side.x[] FROM products side
SELECT CAST(NULL AS side.products) FROM products side
SELECT side.products 'x' FROM products side
SELECT 1 OPERATOR(side.+) 1 FROM products side
SELECT 1 OPERATOR(side.*) 1 FROM products side
SELECT 'a' COLLATE side.c FROM products side
SELECT x.a FROM f() AS x(a side.products), products side
SELECT x.a FROM f() AS (a side.products), products side
SELECT json_value('1', '$' RETURNING side.products) FROM products side
SELECT title FROM ONLY (products) update TABLESAMPLE set (1), side.products AS side
SELECT title FROM products p TABLESAMPLE side.x (1)
SELECT title FROM products, side.f(1)
INSERT INTO side.products (title) VALUES ('x')
UPDATE side.products SET title = 'x'
DELETE FROM side.products
COPY side.products TO STDOUT
COPY side.products (title) TO STDOUT
SELECT title FROM products ) , side.products side
SELECT . side
""".strip().splitlines()


@pytest.mark.parametrize("statement", PASS)
def test_names_of_relations_and_aliases_pass(statement: str) -> None:
    names.check(statement)


@pytest.mark.parametrize("construct", [*emitted()], ids=lambda construct: " ".join(text_of(construct).split())[:60])
def test_what_sqlalchemy_writes_passes(construct: sa.ClauseElement) -> None:
    names.check(text_of(construct))


@pytest.mark.parametrize("statement", REFUSED)
def test_what_may_be_a_schema_is_refused(statement: str) -> None:
    with pytest.raises(StatementRefused):
        names.check(statement)


@pytest.mark.parametrize("text", [FOREIGN, f"SELECT title FROM {FOREIGN.upper()}.products", f"x{FOREIGN}x"])
def test_a_text_that_holds_a_tenants_id_is_refused_and_passes_where_tenants_have_roles(text: str) -> None:
    statement = f"SELECT upper('{text}')"
    guard.check(statement)
    with pytest.raises(StatementRefused, match="a text that holds a tenant's id"):
        names.check(statement)


def test_a_verdict_of_one_mode_is_not_one_of_the_other() -> None:
    """Whichever asks first."""
    for statement in (f"SELECT upper('{FOREIGN}')", f"SELECT lower('{FOREIGN}')"):
        for _ in range(2):
            guard.check(statement)
            with pytest.raises(StatementRefused):
                names.check(statement)


# Made at random


@dataclass
class Target:
    """A connection as it is when bound, the tenant, and what lies in a schema that is not theirs."""

    connection: Connection
    tenant: str
    row: str

    def ask(self, statement: str) -> str:
        """Whatever the server says, an error too; nothing is kept. Raises StatementRefused."""
        self.connection.bind(Binding(self.tenant, 1000, SCHEMA))
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement)
                return f"rows: {cursor.fetchall()}"
        except psycopg2.Error as error:
            return str(error)
        finally:
            self.connection.rollback()


@pytest.fixture(scope="module")
def target(app: Flask, schema_settings: Settings, superuser: Superuser) -> Iterator[Target]:
    with database.application(schema_settings) as made:
        tenant = open_tenant(made)
    row, side = f"row{secrets.token_hex(8)}", "side"
    with superuser(schema_settings) as cursor:
        cursor.execute(
            f"CREATE SCHEMA {side} AUTHORIZATION fh_owner; GRANT USAGE ON SCHEMA {side} TO fh_tenant;"
            f" CREATE TABLE {side}.products (id int, title text); GRANT ALL ON {side}.products TO fh_tenant;"
            f" INSERT INTO {side}.products VALUES (1, '{row}'); CREATE TABLE {tenant}.products (id int, title text);"
            f" CREATE TABLE {tenant}.trim (id int, title text); INSERT INTO {tenant}.products VALUES (1, 'mine');"
            f" GRANT ALL ON {tenant}.products, {tenant}.trim TO fh_tenant"
        )
        cursor.connection.commit()
    url = schema_settings.database_url.replace("+psycopg2", "")
    with contextlib.closing(psycopg2.connect(url, connection_factory=Connection)) as connection:
        yield Target(connection, tenant, row)


def test_no_statement_made_at_random_reads_a_schema_that_is_not_the_tenants(
    target: Target, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    print(f"FREEHOLD_SEED={counts.SEED}")
    made = list(islice(statements(random.Random(counts.SEED)), ROUNDS))
    answers = {statement: answer for statement in made if (answer := asked(target, statement)) is not None}
    assert [statement for statement, answer in answers.items() if target.row in answer] == []
    assert sum(answer.startswith("rows:") for answer in answers.values()) > 20, "too few may run"
    monkeypatch.setattr(names, "check", lambda _statement: None)  # the control: the guard's first look alone
    read = sum(target.row in (asked(target, statement) or "") for statement in made[:2_000])
    assert read > 20
    for name, figure in (("tried", len(made)), ("leaks", 0), ("control leaked", read)):
        record_property(name, figure)


def asked(target: Target, statement: str) -> str | None:
    """None if it is refused."""
    try:
        return target.ask(statement)
    except StatementRefused:
        return None


ALIASES = ["side", "side", "side", "set", "values", "update", "trim", "extract", "key", '"from"', "p", "q"]
TABLES = ["products", "products", "products", "side.products", 'side . "products"', "ONLY side.products"]
LABELS = ["", "", "", " AS from", " AS where", " AS as", " AS is", " AS into", " distinct", " select"]
JOINS = [", {}", ", {}", " CROSS JOIN {}", " NATURAL JOIN {}", " JOIN {} ON true", " FULL JOIN {} USING (id)",
         " LEFT JOIN {} ON 1 IS NOT DISTINCT FROM 1"]  # fmt: skip
FORMS = [
    "{q}", "{q}", "{q}", "({q}) UNION ALL {q}", "WITH {a} AS ({q}) SELECT * FROM {a}", "SELECT * FROM ({q}) AS {a}",
    "SELECT ARRAY({q})", "SELECT extract({q})", "SELECT substring(({q}) FROM 1)", "INSERT INTO trim ({q}) RETURNING *",
    "UPDATE products {a} SET id = 1 FROM {f} RETURNING {t}", "DELETE FROM products USING {f} RETURNING {t}",
    "WITH {a} AS (TABLE side.products) {q}", "TABLE side.products", "SELECT 1 UNION TABLE side.products",
    "SELECT CASE WHEN true THEN ({q}) END", "SELECT * FROM (VALUES (1)) {a}, {f}", "SELECT ({q})::text::int",
]  # fmt: skip


def statements(pick: random.Random) -> Iterator[str]:
    while True:
        yield fill(pick, pick.choice(FORMS), 2)


def fill(pick: random.Random, form: str, depth: int) -> str:
    makers: dict[str, Callable[[], str]] = {
        "{q}": lambda: query(pick, depth),
        "{f}": lambda: from_list(pick, depth),
        "{t}": lambda: term(pick),
    }
    form = form.replace("{a}", pick.choice(ALIASES))
    for mark, make in makers.items():
        while mark in form:
            form = form.replace(mark, make(), 1)
    return form


def query(pick: random.Random, depth: int) -> str:
    tail = pick.choice(["", "", "", f" WHERE {term(pick)} IS NOT NULL", f" ORDER BY {term(pick)}", " LIMIT 1"])
    return f"SELECT {term(pick)}{pick.choice(LABELS)} FROM {from_list(pick, depth)}{tail}"


def from_list(pick: random.Random, depth: int) -> str:
    made = relation(pick, depth)
    for _ in range(pick.choice([0, 1, 1, 2])):
        made += pick.choice(JOINS).format(relation(pick, depth))
    return made


def relation(pick: random.Random, depth: int) -> str:
    if depth and pick.random() < 0.2:
        return fill(
            pick, pick.choice(["({q}) {a}", "({f})", "LATERAL ({q}) {a}", "(TABLE side.products) {a}"]), depth - 1
        )
    alias = pick.choice(ALIASES)
    return pick.choice(TABLES) + pick.choice(["", f" {alias}", f" AS {alias}", f" {alias} (id, title)"])


def term(pick: random.Random) -> str:
    return pick.choice(["side.title", "side.title", f"{pick.choice(ALIASES)}.title", "title", "1", "(side).title"])
