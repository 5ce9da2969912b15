"""What somebody might alter by hand, and where it should be noticed. `{one}` and `{other}` stand for two tenants.

Every role, grant or object here is one that the platform does not make or does not leave so.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Alteration:
    """Run by the superuser, unless it starts by becoming the administrator."""

    check: str  # which should find it
    object: str
    sql: str
    mended_by_superuser: bool = False  # since the database refuses it to the administrator

    def __str__(self) -> str:
        return " ".join(self.sql.split())[:110]


ADMINISTRATOR = "SET LOCAL SESSION AUTHORIZATION freehold_admin; "

ROLES = [
    Alteration("role", "{one}", "ALTER ROLE {one} LOGIN"),
    Alteration("role", "{one}", "ALTER ROLE {one} CREATEROLE"),
    Alteration("role", "{one}", "ALTER ROLE {one} SUPERUSER", True),
    Alteration("role", "fh_tenant", "ALTER ROLE fh_tenant BYPASSRLS", True),
    Alteration("role", "fh_owner", "ALTER ROLE fh_owner LOGIN CREATEDB", True),
    Alteration("role", "freehold_app", "ALTER ROLE freehold_app REPLICATION", True),
    Alteration("role", "freehold_app", "ALTER ROLE freehold_app NOLOGIN"),
    Alteration("membership", "{one}", "GRANT {other} TO {one}", True),
    Alteration("membership", "{one}", ADMINISTRATOR + "GRANT {other} TO {one}"),
    Alteration("membership", "{one}", "GRANT pg_read_all_data TO {one}", True),
    Alteration("membership", "freehold_app", "GRANT pg_monitor TO freehold_app", True),
    Alteration("membership", "fh_app", "GRANT {one} TO fh_app WITH INHERIT TRUE", True),
    Alteration("membership", "fh_app", ADMINISTRATOR + "GRANT {one} TO fh_app WITH INHERIT TRUE"),
    Alteration("membership", "fh_app", ADMINISTRATOR + "GRANT {one} TO fh_app WITH ADMIN TRUE"),
    Alteration("membership", "fh_app", ADMINISTRATOR + "REVOKE {one} FROM fh_app"),
    Alteration("membership", "{one}", ADMINISTRATOR + "REVOKE fh_tenant FROM {one}"),
    Alteration("membership", "{one}", ADMINISTRATOR + "GRANT fh_owner TO {one}"),
    Alteration("membership", "freehold_app", ADMINISTRATOR + "GRANT {one} TO freehold_app"),
    Alteration("membership", "freehold_app", ADMINISTRATOR + "REVOKE fh_app FROM freehold_app"),
    Alteration("membership", "fh_app", ADMINISTRATOR + "GRANT fh_owner TO fh_app WITH INHERIT TRUE"),
    Alteration("membership", '"Mal-lory"', 'CREATE ROLE "Mal-lory" LOGIN; GRANT fh_app TO "Mal-lory"', True),
    Alteration("membership", "freehold_admin", ADMINISTRATOR + "REVOKE fh_owner FROM freehold_admin"),
    Alteration("setting", "{one}", "ALTER ROLE {one} SET search_path = {other}"),
    Alteration("setting", "fh_app", "ALTER ROLE fh_app IN DATABASE freehold SET statement_timeout = 0"),
    Alteration("setting", "freehold_app", "ALTER ROLE freehold_app SET role = fh_owner"),
    Alteration("setting", "freehold_app", "ALTER ROLE freehold_app IN DATABASE freehold SET search_path = platform"),
    Alteration("setting", "freehold_app", "ALTER ROLE freehold_app IN DATABASE freehold RESET statement_timeout"),
    Alteration(
        "setting",
        "freehold_app",
        "ALTER ROLE freehold_app IN DATABASE freehold SET idle_in_transaction_session_timeout = 0",
    ),
    Alteration("setting", "freehold", "ALTER DATABASE freehold SET search_path = {one}"),
    Alteration("setting", "every role", "ALTER ROLE ALL SET search_path = {one}", True),
]

FEWER = "ALTER DEFAULT PRIVILEGES FOR ROLE fh_owner IN SCHEMA {one} REVOKE INSERT ON TABLES FROM "
SCHEMAS = [
    Alteration("schema owner", "{one}", "ALTER SCHEMA {one} OWNER TO {one}", True),
    Alteration("schema grants", "{one}", "GRANT USAGE ON SCHEMA {one} TO PUBLIC"),
    Alteration("schema grants", "{one}", "GRANT USAGE ON SCHEMA {one} TO {other}"),
    Alteration("schema grants", "{one}", "GRANT CREATE ON SCHEMA {one} TO {one}"),
    Alteration("schema grants", "{one}", "GRANT USAGE ON SCHEMA {one} TO {one} WITH GRANT OPTION"),
    Alteration("schema grants", "{one}", "REVOKE USAGE ON SCHEMA {one} FROM {one}"),
    Alteration("schema grants", "{one}", "REVOKE CREATE ON SCHEMA {one} FROM fh_owner"),
    Alteration(
        "default privileges",
        "{one} (tables of fh_owner)",
        "ALTER DEFAULT PRIVILEGES FOR ROLE fh_owner IN SCHEMA {one} GRANT SELECT ON TABLES TO {other}",
    ),
    Alteration(
        "default privileges",
        "{one} (tables of fh_owner)",
        FEWER + "{one}",
    ),
    Alteration(
        "default privileges",
        "{one} (tables of fh_owner)",
        "ALTER DEFAULT PRIVILEGES FOR ROLE fh_owner IN SCHEMA {one} REVOKE ALL ON TABLES FROM {one}",
    ),
    Alteration(
        "default privileges",
        "{one} (functions of fh_owner)",
        "ALTER DEFAULT PRIVILEGES FOR ROLE fh_owner IN SCHEMA {one} GRANT EXECUTE ON FUNCTIONS TO {one}",
    ),
    Alteration(
        "default privileges",
        "{one} (tables of freehold_admin)",
        "ALTER DEFAULT PRIVILEGES FOR ROLE freehold_admin IN SCHEMA {one} GRANT SELECT ON TABLES TO fh_tenant",
    ),
    Alteration(
        "default privileges",
        "every schema (tables of fh_owner)",
        "ALTER DEFAULT PRIVILEGES FOR ROLE fh_owner GRANT SELECT ON TABLES TO fh_tenant",
    ),
    Alteration(
        "default privileges",
        "every schema (sequences of freehold_admin)",
        "ALTER DEFAULT PRIVILEGES FOR ROLE freehold_admin GRANT USAGE ON SEQUENCES TO PUBLIC",
    ),
    Alteration(
        "default privileges",
        "platform (tables of freehold_admin)",
        "ALTER DEFAULT PRIVILEGES FOR ROLE freehold_admin IN SCHEMA platform GRANT SELECT ON TABLES TO fh_tenant",
    ),
]

TABLES = [
    Alteration("table owner", "{one}.fh_keys", "ALTER TABLE {one}.fh_keys OWNER TO {one}", True),
    Alteration("table owner", "{one}.notes", "ALTER TABLE {one}.notes OWNER TO postgres", True),
    Alteration("table grants", "{one}.notes", "GRANT SELECT ON {one}.notes TO {other}"),
    Alteration("table grants", "{one}.notes", "GRANT ALL ON {one}.notes TO {one}"),
    Alteration("table grants", "{one}.notes", "GRANT SELECT ON {one}.notes TO {one} WITH GRANT OPTION"),
    Alteration("table grants", "{one}.notes", "GRANT DELETE ON {one}.notes TO PUBLIC"),
    Alteration("table grants", "{one}.notes", "REVOKE UPDATE, DELETE ON {one}.notes FROM {one}"),
    Alteration("table grants", "{one}.notes", "REVOKE TRUNCATE ON {one}.notes FROM fh_owner"),
    Alteration("table grants", "{one}.notes", "GRANT SELECT (title) ON {one}.notes TO {other}"),
    Alteration(
        "table grants",
        "{one}.fh_crates_sent_id_seq",
        "GRANT USAGE ON SEQUENCE {one}.fh_crates_sent_id_seq TO {other}",
    ),
    Alteration("table", "{one}.notes", "ALTER TABLE {one}.notes ENABLE ROW LEVEL SECURITY"),
    Alteration("table", "{one}.notes", "CREATE POLICY p ON {one}.notes USING (true)"),
    Alteration("table", "{one}.notes", "CREATE RULE r AS ON DELETE TO {one}.notes DO INSTEAD NOTHING"),
    Alteration("table", "{one}.notes", "ALTER TABLE {one}.notes DROP CONSTRAINT notes_pkey"),
    Alteration(
        "table",
        "{one}.notes",
        "ALTER TABLE {one}.notes ADD CONSTRAINT away FOREIGN KEY (id) REFERENCES {other}.fh_keys (id)",
    ),
    Alteration("table", "{one}.notes", "ALTER TABLE {one}.notes INHERIT {other}.notes"),
    Alteration("table", "{one}.notes", "CREATE TABLE public.x () INHERITS ({one}.notes)", True),
    Alteration(
        "table",
        "{one}.notes",
        "CREATE TRIGGER s BEFORE UPDATE ON {one}.notes FOR EACH ROW"
        " EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
    ),
    Alteration("stray object", "{one}.f()", "CREATE FUNCTION {one}.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", True),
    Alteration("stray object", '{one}."V 1"', 'CREATE VIEW {one}."V 1" AS SELECT 1 AS n', True),
    Alteration("stray object", "{one}.m", "CREATE MATERIALIZED VIEW {one}.m AS SELECT 1 AS n", True),
    Alteration("stray object", "{one}.d", "CREATE DOMAIN {one}.d AS int", True),
    Alteration("stray object", "{one}.e", "CREATE TYPE {one}.e AS ENUM ('a')", True),
    Alteration("stray object", "{one}.c", "CREATE TYPE {one}.c AS (a int)", True),
    Alteration("stray object", "{one}.s", "CREATE SEQUENCE {one}.s", True),
    Alteration("stray object", "{one}.p", "CREATE TABLE {one}.p (id int PRIMARY KEY) PARTITION BY RANGE (id)", True),
    Alteration(
        "stray object", "{one}.x", "SET LOCAL ROLE fh_owner; CREATE STATISTICS {one}.x ON id, title FROM {one}.notes"
    ),
    Alteration("stray object", "citext", "CREATE EXTENSION citext SCHEMA {one}", True),
]

IDENTIFY = "platform.identify_2(pg_catalog.text,pg_catalog.bytea,interval,bigint)"
SAME = "FUNCTION platform.identify_2(wanted text, digest bytea, seen_every interval, seats bigint)"
PLATFORM = [
    Alteration("platform owner", "platform.mails", "ALTER TABLE platform.mails OWNER TO {one}", True),
    Alteration("platform owner", "platform.mails", "ALTER TABLE platform.mails OWNER TO postgres", True),
    Alteration("platform owner", "platform", "ALTER SCHEMA platform OWNER TO fh_owner"),
    Alteration("platform grants", "platform", "GRANT USAGE ON SCHEMA platform TO PUBLIC"),
    Alteration("platform grants", "platform", "GRANT CREATE ON SCHEMA platform TO fh_app"),
    Alteration("platform grants", "platform.sessions", "GRANT SELECT ON platform.sessions TO fh_tenant"),
    Alteration("platform grants", "platform.users", "GRANT SELECT ON platform.users TO fh_tenant"),
    Alteration("platform grants", "platform.users", "GRANT SELECT (password_hash) ON platform.users TO fh_tenant"),
    Alteration("platform grants", "platform.users", "REVOKE SELECT (email) ON platform.users FROM fh_tenant"),
    Alteration("platform grants", "platform.users", "GRANT SELECT ON platform.users TO PUBLIC"),
    Alteration("platform grants", "platform.audit", "GRANT UPDATE ON platform.audit TO fh_app"),
    Alteration("platform grants", "platform.jobs", "REVOKE DELETE ON platform.jobs FROM fh_app"),
    Alteration("platform grants", "platform.bound()", "REVOKE EXECUTE ON FUNCTION platform.bound() FROM PUBLIC"),
    Alteration("platform owner", IDENTIFY, "ALTER FUNCTION platform.identify_2 OWNER TO {one}", True),
    Alteration("platform grants", IDENTIFY, "GRANT EXECUTE ON FUNCTION platform.identify_2 TO PUBLIC"),
    Alteration("platform grants", IDENTIFY, "GRANT EXECUTE ON FUNCTION platform.identify_2 TO {one}"),
    Alteration(
        "platform grants", IDENTIFY, "GRANT EXECUTE ON FUNCTION platform.identify_2 TO fh_app WITH GRANT OPTION"
    ),
    Alteration("platform grants", IDENTIFY, "REVOKE EXECUTE ON FUNCTION platform.identify_2 FROM fh_app"),
    Alteration("row security", "platform.jobs", "ALTER TABLE platform.jobs DISABLE ROW LEVEL SECURITY"),
    Alteration("row security", "platform.jobs", "ALTER TABLE platform.jobs FORCE ROW LEVEL SECURITY"),
    Alteration("row security", "platform.mails", "ALTER TABLE platform.mails ENABLE ROW LEVEL SECURITY"),
    Alteration("policy", "platform.jobs", "DROP POLICY fit ON platform.jobs"),
    Alteration("policy", "platform.users", "ALTER POLICY tenant ON platform.users USING (true)"),
    Alteration("policy", "platform.audit", "ALTER POLICY app ON platform.audit TO PUBLIC"),
    Alteration("policy", "platform.usage", 'CREATE POLICY "All of it" ON platform.usage USING (true)'),
    Alteration(
        "bound",
        "platform.bound()",
        "CREATE OR REPLACE FUNCTION platform.bound() RETURNS text LANGUAGE sql STABLE AS 'SELECT ''{one}''::text'",
    ),
    Alteration("bound", "platform.bound()", "ALTER FUNCTION platform.bound() SECURITY DEFINER"),
    Alteration("bound", "platform.bound()", "ALTER FUNCTION platform.bound() SET search_path = {one}"),
    Alteration("bound", "platform.bound()", "ALTER FUNCTION platform.bound() STRICT"),
    Alteration("bound", "platform.bound()", "ALTER FUNCTION platform.bound() LEAKPROOF"),
    Alteration("identify", IDENTIFY, "ALTER FUNCTION platform.identify_2 SECURITY DEFINER"),
    Alteration("identify", IDENTIFY, "ALTER FUNCTION platform.identify_2 SET search_path = {one}"),
    Alteration("identify", IDENTIFY, "ALTER FUNCTION platform.identify_2 VOLATILE"),
    Alteration("identify", IDENTIFY, "DROP FUNCTION platform.identify_2"),
    Alteration(
        "identify",
        IDENTIFY,
        ADMINISTRATOR
        + f"DROP FUNCTION platform.identify_2; CREATE {SAME} RETURNS text LANGUAGE sql AS 'SELECT ''root''::text';"
        " REVOKE EXECUTE ON FUNCTION platform.identify_2 FROM PUBLIC;"
        " GRANT EXECUTE ON FUNCTION platform.identify_2 TO fh_app",
    ),
    Alteration(
        "stray object",
        "platform.identify(pg_catalog.text)",
        ADMINISTRATOR + "CREATE FUNCTION platform.identify(text) RETURNS text RETURN $1",
    ),
    Alteration("stray object", "platform.mine", ADMINISTRATOR + "CREATE TABLE platform.mine (id int)"),
    Alteration("stray object", "platform.f()", ADMINISTRATOR + "CREATE FUNCTION platform.f() RETURNS int RETURN 1"),
    Alteration(
        "stray object",
        "s on platform.users",
        "CREATE TRIGGER s BEFORE UPDATE ON platform.users FOR EACH ROW"
        " EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
    ),
    Alteration(
        "stray object", "r on platform.users", "CREATE RULE r AS ON DELETE TO platform.users DO INSTEAD NOTHING"
    ),
]

READ_FILE = "pg_catalog.pg_read_file(pg_catalog.text)"
EXTRA = "CREATE SCHEMA extra AUTHORIZATION freehold_admin"
# An extension's schema, as the extension makes it for everybody (pg_cron's, say).
EXTENSION = (
    "CREATE SCHEMA timetable; GRANT USAGE ON SCHEMA timetable TO PUBLIC; ALTER EXTENSION plpgsql ADD SCHEMA timetable"
)
ELSEWHERE = [
    Alteration("database", "freehold", "GRANT TEMPORARY ON DATABASE freehold TO PUBLIC"),
    Alteration("database", "freehold", "GRANT CREATE ON DATABASE freehold TO {one}"),
    Alteration("public", "public", "GRANT USAGE ON SCHEMA public TO PUBLIC"),
    Alteration("public", "extra", EXTRA + "; GRANT USAGE ON SCHEMA extra TO PUBLIC"),
    Alteration("public", "timetable", EXTENSION + "; GRANT CREATE ON SCHEMA timetable TO PUBLIC", True),
    Alteration("public", "log_statement", "GRANT SET ON PARAMETER log_statement TO PUBLIC", True),
    Alteration("public", READ_FILE, "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC", True),
    Alteration("public", "pg_catalog.pg_authid", "GRANT SELECT ON pg_authid TO PUBLIC", True),
    Alteration("public", "4711", "SELECT lo_create(4711); GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC", True),
    Alteration("outside", "4711", "SELECT lo_create(4711); ALTER LARGE OBJECT 4711 OWNER TO {one}", True),
    Alteration("outside", "public.x", "CREATE TABLE public.x (id int); ALTER TABLE public.x OWNER TO {one}", True),
    Alteration("outside", "public.x", "CREATE TABLE public.x (id int); GRANT SELECT ON public.x TO fh_tenant", True),
    Alteration(
        "outside", "public.v", "CREATE VIEW public.v AS SELECT 1 n; GRANT SELECT (n) ON public.v TO {one}", True
    ),
    Alteration(
        "outside",
        "public.f()",
        "CREATE FUNCTION public.f() RETURNS int RETURN 1; GRANT EXECUTE ON FUNCTION public.f() TO {one}",
        True,
    ),
    Alteration("outside", READ_FILE, "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO {one}", True),
    Alteration("outside", "information_schema", "GRANT CREATE ON SCHEMA information_schema TO fh_app", True),
    Alteration("outside", "log_statement", "GRANT SET ON PARAMETER log_statement TO {one}", True),
    Alteration("outside", "extra", "CREATE SCHEMA extra AUTHORIZATION fh_owner"),
]

# Where one role reads all tenants' tables.
SHARED_ROLE = [
    Alteration("membership", "freehold_app", ADMINISTRATOR + "REVOKE fh_tenant FROM freehold_app"),
    Alteration("membership", "freehold_app", ADMINISTRATOR + "GRANT fh_tenant TO freehold_app WITH INHERIT TRUE"),
    Alteration("schema grants", "{one}", "REVOKE USAGE ON SCHEMA {one} FROM fh_tenant"),
    Alteration("default privileges", "{one} (tables of fh_owner)", FEWER + "fh_tenant"),
    Alteration("table owner", "{one}.notes", "ALTER TABLE {one}.notes OWNER TO fh_tenant", True),
    Alteration("table grants", "{one}.notes", "GRANT TRUNCATE ON {one}.notes TO fh_tenant"),
    Alteration(
        "bound",
        "platform.bound()",
        "CREATE OR REPLACE FUNCTION platform.bound() RETURNS text LANGUAGE sql STABLE AS 'SELECT current_user::text'",
    ),
]
