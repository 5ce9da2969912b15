"""All rows of a database: the platform's tables, and those of each tenant."""

import json
from collections import Counter
from contextlib import closing
from typing import Any

import psycopg2

ALL = "*"  # instead of columns: the table is left out
# What two runs from the same beginning can't have alike. A key that another table names is not among them.
VOLATILE = {
    "platform.access_changes": {"id", "at"},
    "platform.audit": {"id", "at"},
    "platform.billing_flags": {"id", "raised_at"},
    "platform.billing_notices": {"at"},
    "platform.checkouts": {"ended_at"},
    "platform.customers": {"fetched_at"},
    "platform.invoices": {"fetched_at"},
    "platform.job_calls": {"at"},
    "platform.job_events": {"id", "at"},
    "platform.jobs": {"created_at", "run_at", "due_at", "began_at", "finished_at", "lease", "tries"},
    "platform.mails": {"id", "created_at", "sent_at"},
    "platform.mrr_changes": {"id", "at"},
    "platform.stripe_events": {"handled_at"},
    "platform.subscriptions": {"fetched_at"},
    "platform.trials": {"at"},
}

JOBS = {"platform.jobs": "id", "platform.job_calls": "job", "platform.job_events": "job"}  # which column is a job's id

_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND (n.nspname = 'platform' OR n.nspname LIKE 't\\_%') ORDER BY 1, 2
"""
_SCHEMAS = """
    SELECT n.nspname, count(c.oid) FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid
    WHERE n.nspname LIKE 't\\_%' GROUP BY 1
"""

Snapshot = Counter[str]


def seen(url: str, volatile: dict[str, set[str]], called: dict[str, str], without: set[str]) -> Snapshot:
    """How often there is each row, written as "table {columns}", but for what is `volatile` and the jobs `without`.

    Some ids are `called` otherwise.
    """
    found = Snapshot()
    union = " UNION ALL ".join(
        f"SELECT '{schema}.{table}', to_jsonb(row)::text FROM {schema}.{table} row"
        for schema, table in _rows(url, _TABLES)
    )
    for table, text in _rows(url, union):
        row = json.loads(text)
        if table in JOBS and row[JOBS[table]] in without:
            continue
        if table == "platform.jobs":
            row["id"] = called.get(row["id"], "another")
            row["args"] = ["a mail's id"] if row["name"] == "mail.deliver" else row["args"]
        if (hidden := _hidden(table, volatile)) != {ALL}:
            kept = {column: value for column, value in row.items() if column not in hidden}
            found[_named(f"{table} {json.dumps(kept, sort_keys=True)}", called)] += 1
    for schema, count in _rows(url, _SCHEMAS):
        found[_named(f"schema {schema} relations {count}", called)] += 1
    return found


def tenants(url: str) -> set[str]:
    """The names of the tenants' schemas."""
    return {schema for schema, _count in _rows(url, _SCHEMAS)}


def difference(one: Snapshot, other: Snapshot) -> str:
    """What to look at: rows of the one that the other has not, and the reverse."""
    lines = [f"- {count} of {row}" for row, count in (one - other).items()]
    return "\n".join(sorted(lines) + sorted(f"+ {count} of {row}" for row, count in (other - one).items()))


def _hidden(table: str, volatile: dict[str, set[str]]) -> set[str]:
    schema, _, name = table.rpartition(".")
    return volatile.get(table if schema == "platform" else f"tenant.{name}", set())


def _named(text: str, called: dict[str, str]) -> str:
    for id_, name in called.items():
        text = text.replace(id_, name)
    return text


def _rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()
