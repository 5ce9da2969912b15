"""Families of payloads, each sent to all three holes: a list's filter, its sort clause and the whole statement.

What a hole needs around a text is all that differs, so a family is written once. The order is that of `attacks`.
"""

from tests.support.attacks import AS_VICTIM, BECOME, FOREIGN, PLANT, RUN, STAT, Attack, Place, attack

HOLES: dict[Place, str] = {"filter": "in a filter", "sort": "in a sort clause", "statement": "as a statement"}


def stacked(family: str, text: str, *, error: str = "") -> list[Attack]:
    """Statements behind the one that the page means, or instead of it."""
    return _in_each_hole(family, {"filter": f"'; {text} --", "sort": f"title; {text}", "statement": text}, error)


def as_a_value(family: str, expression: str, *, error: str = "") -> list[Attack]:
    """In the page's own statement, which does not show what it sorts by: what is to be seen is told by an error."""
    around = {"filter": f"' || {expression} || '", "sort": expression, "statement": f"SELECT {expression}"}
    return _in_each_hole(family, around, error)


def _in_each_hole(family: str, texts: dict[Place, str], error: str) -> list[Attack]:
    return [attack(f"{family}, {where}", hole, texts[hole], error=error) for hole, where in HOLES.items()]


READS_A_ROW = [
    *stacked("comments", "SET/**/LOCAL/* /* ; */ */ROLE VICTIM; SELECT/*'*/title FROM/**/VICTIM.products"),
    *stacked("Unicode escapes", f"SELECT U&\"\\0073et_config\"('role', 'VICTIM', true); {FOREIGN}"),
    *stacked("dollar quotes", f"DO $a$BEGIN EXECUTE $$SET LOCAL ROLE VICTIM$$; END$a$; {FOREIGN}"),
    *stacked("SELECT INTO", f"{BECOME}; SELECT title INTO TEMP seen FROM VICTIM.products; SELECT title FROM seen"),
    *as_a_value(
        "ts_stat", f"(SELECT min(word)::int FROM {AS_VICTIM}, LATERAL ts_stat('{STAT} WHERE ''' || x || ''' <> '''''))"
    ),
    *as_a_value("a function that runs a text, as dblink does", f"concat({RUN}('{BECOME}'), {RUN}('{FOREIGN}'))::int"),
]

LEAVES_A_TRACE = [
    *stacked("pg_settings", "UPDATE pg_settings SET setting = 'VICTIM' WHERE name = 'search_path'"),
    *stacked("SELECT INTO, a temporary table", "SELECT 1 AS x INTO TEMPORARY TABLE fh_keys"),
    *as_a_value("a large object", "lo_from_bytea(0, 'left for somebody')"),
    *as_a_value("an advisory lock", "pg_advisory_lock(4711)::text"),
]

WRITES = stacked("a CTE with a data change", f"{BECOME}; WITH w AS ({PLANT} RETURNING title) SELECT title FROM w")

GAINS_NOTHING = stacked("deferred constraints", "SET CONSTRAINTS ALL DEFERRED")

STOPPED_BY_THE_SERVER = [
    *stacked("COPY to a program", "COPY products TO PROGRAM 'cat'", error="permission denied to COPY"),
    *as_a_value("a file", "pg_read_file('/etc/passwd')", error="denied for function pg_read_file"),
]
