"""Injected texts that name another schema and become nobody else, which a role for each tenant stops by itself.

Where all tenants share one role (`TENANT_ISOLATION=schema`), nothing but the guard does. VICTIM stands for the id of
the tenant that is attacked; `restored` is a schema with a copy of its tables, as somebody makes one to look into it.
"""

from tests.support.attacks import FOREIGN, REWRITE, STAT, attack

SIDE = "restored"

READS_A_ROW = [
    attack("another schema", "statement", FOREIGN),
    attack("in quotes", "statement", 'SELECT title FROM "VICTIM" . "products"'),
    attack("between comments", "statement", "SELECT title FROM VICTIM/**/./**/products"),
    attack("by Unicode escapes", "statement", 'SELECT title FROM U&"VICTIM".U&"p\\0072oducts"'),
    attack("in capitals", "statement", "SELECT TITLE FROM VICTIM.PRODUCTS"),
    attack("under its own name as an alias", "statement", "SELECT VICTIM.title FROM VICTIM.products AS VICTIM"),
    attack("in a filter", "filter", f"' UNION ALL {FOREIGN} WHERE title <> '"),
    attack("in a sort clause, told by an error", "sort", f"(({FOREIGN} LIMIT 1)::int)"),
    attack("TABLE", "filter", "' UNION ALL SELECT t.title FROM (TABLE VICTIM.products) t WHERE t.title <> '"),
    attack("a join", "statement", "SELECT v.title FROM products p CROSS JOIN VICTIM.products v"),
    attack("a comma", "statement", "SELECT v.title FROM products p, VICTIM.products v"),
    attack("a CTE", "statement", f"WITH v AS ({FOREIGN}) SELECT title FROM v"),
    attack("a lateral join", "statement", f"SELECT v.title FROM products p, LATERAL ({FOREIGN}) v"),
    attack(
        "a CTE with a data change",
        "statement",
        "WITH v AS (UPDATE VICTIM.products SET title = title RETURNING title) SELECT title FROM v",
    ),
    attack("UPDATE", "statement", "UPDATE products p SET title = p.title FROM VICTIM.products v RETURNING v.title"),
    attack(
        "DELETE, told by an error", "statement", "DELETE FROM products USING VICTIM.products v WHERE v.title::int = 1"
    ),
    attack(
        "INSERT, told by an error",
        "statement",
        "INSERT INTO products (id, title) SELECT gen_random_uuid(), title::int::text FROM VICTIM.products",
    ),
    attack("a text that is run, ts_stat", "statement", f"SELECT word FROM ts_stat('{STAT}')"),
    attack("a text that is run, ts_rewrite", "statement", f"SELECT ts_rewrite('a', '{REWRITE}')::text"),
    attack("a text that is run, an extension's", "statement", f"SELECT public.run_text('{FOREIGN}')"),
    attack("COPY", "export", "COPY VICTIM.products TO STDOUT"),
    attack("COPY of a query", "export", f"COPY ({FOREIGN}) TO STDOUT"),
    attack(
        "another search path",
        "statement",
        "SELECT set_config('search_path', 'VICTIM', true)",
        "SELECT title FROM products",
    ),
    attack(
        "another search path by pg_settings",
        "statement",
        "UPDATE pg_settings SET setting = 'VICTIM' WHERE name = 'search_path'",
        "SELECT title FROM products",
    ),
    attack("another search path by SET", "statement", "SET LOCAL search_path = VICTIM", "SELECT title FROM products"),
    attack(
        "row security goes by the search path as well",
        "statement",
        "SET LOCAL search_path = VICTIM",
        "SELECT p.title FROM platform.tenants t, products p WHERE t.id = 'VICTIM'",
    ),
]

WRITES = [
    attack(
        "INSERT, by name", "statement", "INSERT INTO VICTIM.products (id, title) VALUES (gen_random_uuid(), 'planted')"
    ),
    attack(
        "a CTE, by name",
        "statement",
        "WITH w AS (INSERT INTO VICTIM.products (id, title) VALUES (gen_random_uuid(), 'planted') RETURNING title)"
        " SELECT title FROM w",
    ),
]

# No tenant's id is in these, so it takes more than the guard's first look, which refuses those.
READS_THE_SIDE = [
    attack(text, "statement", text)
    for text in [
        "SELECT title FROM restored.products",
        'SELECT title FROM "restored" . "products" AS "restored"',
        "SELECT restored.title FROM restored.products AS restored",
        "SELECT restored.title FROM products, restored.products restored",
        "SELECT restored.title FROM (products p CROSS JOIN restored.products restored)",
        "SELECT restored.title FROM ((restored.products restored CROSS JOIN products))",
        "SELECT restored.title FROM products p JOIN products q ON p.id = q.id, restored.products restored",
        "SELECT restored.title FROM products NATURAL JOIN products q, LATERAL (TABLE restored.products) restored",
        "SELECT restored.title FROM products set, restored.products restored",
        "SELECT restored.title FROM products values, restored.products restored",
        "SELECT restored.title FROM products update, products set, restored.products restored",
        "SELECT restored.title FROM (SELECT 1) update, restored.products restored",
        "SELECT restored.title FROM products trim (a), restored.products restored",
        "SELECT restored.title distinct FROM restored.products AS restored",
        "SELECT restored.title AS from FROM restored.products AS restored",
        "SELECT restored.title AS as FROM restored.products AS restored",
        "SELECT restored.title AS where FROM restored.products AS restored",
        "SELECT restored.title FROM products p FULL JOIN restored.products AS restored USING (id)",
        "SELECT 'x' UNION ALL (SELECT restored.title FROM restored.products restored)",
        "SELECT ARRAY(SELECT restored.title FROM restored.products restored)",
        "SELECT substring((SELECT restored.title FROM restored.products restored) FROM 1)",
        "SELECT * FROM (TABLE restored.products) AS t",
        "WITH t AS (TABLE restored.products) SELECT title FROM t",
        "INSERT INTO trim (SELECT id, now(), now(), restored.title FROM restored.products restored) RETURNING title",
        "UPDATE products p SET title = p.title FROM restored.products restored RETURNING restored.title",
        "DELETE FROM products p USING restored.products restored WHERE restored.title::int = 1",
    ]
]
