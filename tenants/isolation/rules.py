"""What the database has to enforce, each rule under a name that stays.

`holds` is SQL, true where the rule is kept, as the application's login sees it; a rule of the pooler has none and is
tried out instead (pooler.py). A rule that is not kept is a gap, which ACCEPTED_GAPS can accept by its name, or, where
nothing of the isolation would be left, a fault, which it can't. docs/postgres.md has the same list for people.
"""

from dataclasses import dataclass

from tenants.isolation.modes import ROLES, Mode

EMPTY = "platform-tables"  # the name of the rule that an untouched database breaks
MADE_BY_MIGRATIONS = {EMPTY, "login-rights", "isolation-mode"}
ABOVE_RULES = "rolsuper OR rolbypassrls"  # of a row of pg_roles
SET_CONFIG = "pg_catalog.set_config(text, text, boolean)"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that has to be so."""

    name: str
    kept: str  # a sentence for each of the two cases
    broken: str
    mend: str  # in words; in it and in `sql`, `{login}`, `{literal}` (the same), `{database}` and its `{owner}`
    sql: str = ""  # what to say to PostgreSQL, where that is all
    holds: str | None = None
    fault: bool = False


def rules(mode: Mode) -> list[Rule]:
    """Those of a database whose tenants are kept apart in this way, faults first."""
    agreed = Rule(
        "isolation-mode",
        f"The policies go by what TENANT_ISOLATION={mode.name} binds.",
        f"The policies go by something else than what TENANT_ISOLATION={mode.name} binds.",
        "Set the TENANT_ISOLATION that the database was migrated with.",
        holds=f"""EXISTS (SELECT FROM pg_proc WHERE proname = 'bound' AND pronamespace = to_regnamespace('platform')
            AND prosrc = '{mode.bound}')""",
        fault=True,
    )
    return [*_FAULTS, agreed, *_GAPS]


def names(*, faults: bool) -> set[str]:
    """The names of all faults, or of all gaps."""
    return {rule.name for rule in rules(ROLES) if rule.fault == faults}


_FAULTS = (
    Rule(
        "server-version",
        "PostgreSQL is 17 or newer.",
        "PostgreSQL is older than 17, which checks memberships in thousands of roles too slowly.",
        "Upgrade PostgreSQL.",
        holds="current_setting('server_version_num')::int >= 170000",
        fault=True,
    ),
    Rule(
        "pooler-transactions",
        "A transaction stays on one connection.",
        "The pooler gives each statement a connection of its own, so that there are no transactions.",
        "In PgBouncer's settings: pool_mode = transaction",
        fault=True,
    ),
    Rule(
        EMPTY,
        "The platform's tables are there.",
        "The platform's tables are not there.",
        "Run `saas migrate`.",
        holds="to_regnamespace('platform') IS NOT NULL",
        fault=True,
    ),
    Rule(
        "plain-login",
        "The application's login is neither superuser nor above row security.",
        "The application's login is a superuser or bypasses row security: nothing is kept from it.",
        "As superuser, or name another login in DATABASE_URL and run `saas migrate`:",
        "ALTER ROLE {login} NOSUPERUSER NOBYPASSRLS",
        f"NOT EXISTS (SELECT FROM pg_roles WHERE rolname = session_user AND ({ABOVE_RULES}))",
        fault=True,
    ),
    Rule(
        "login-rights",
        "The application's login has the rights of fh_app.",
        "The application's login does not have the rights of fh_app, so that it can do nothing.",
        "Run `saas migrate` with this DATABASE_URL.",
        holds="EXISTS (SELECT FROM pg_roles WHERE rolname = 'fh_app' AND pg_has_role(session_user, oid, 'USAGE'))",
        fault=True,
    ),
    Rule(
        "row-security",
        "Platform tables that a tenant may use have row security, and none belongs to the application.",
        "A tenant may use a platform table without row security, or one belongs to the application's login.",
        "`saas tenants audit` names the table, and what to say to PostgreSQL.",
        holds="""NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_roles r ON r.rolname = 'fh_tenant'
            WHERE n.nspname = 'platform' AND c.relkind IN ('r', 'p') AND (pg_has_role(session_user, c.relowner, 'USAGE')
                OR NOT c.relrowsecurity AND (has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE')
                    OR has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE'))))""",
        fault=True,
    ),
    Rule(
        "escape-strings",
        "A backslash in a plain string stands for itself.",
        "standard_conforming_strings is off: a backslash can end a string elsewhere than the guard takes it to end.",
        "As superuser or as that login; new connections have it:",
        "ALTER ROLE {login} IN DATABASE {database} SET standard_conforming_strings = on",
        "current_setting('standard_conforming_strings') = 'on'",
        fault=True,
    ),
)

_GAPS = (
    Rule(
        "login-inherits",
        "The application's login has the rights of no tenant and of no schema's owner until it is bound.",
        "The application's login inherits rights of tenants or of the schemas' owner: what forgets to bind a tenant"
        " reads all of them instead of failing.",
        "As whoever granted them, revoke its memberships other than in fh_app; these are"
        " SELECT roleid::regrole FROM pg_auth_members WHERE member = {literal}::regrole.",
        holds="""NOT EXISTS (SELECT FROM pg_roles WHERE pg_has_role(session_user, oid, 'USAGE')
            AND (rolname IN ('fh_owner', 'fh_tenant') OR rolname ~ '^t_[a-z2-7]{16}$'))""",
    ),
    Rule(
        "login-powers",
        "The application's login can neither make roles or databases, nor replicate, nor is it in a pg_… role.",
        "The application's login can make roles or databases, or replicate, or is a member of one of PostgreSQL's own"
        " roles: an injection that leaves its tenant's role gains all that.",
        "Revoke its memberships in pg_… roles as well; as superuser:",
        "ALTER ROLE {login} NOCREATEROLE NOCREATEDB NOREPLICATION",
        """NOT EXISTS (SELECT FROM pg_roles WHERE rolname = session_user
                AND (rolcreaterole OR rolcreatedb OR rolreplication))
            AND NOT EXISTS (SELECT FROM pg_roles
                WHERE starts_with(rolname::text, 'pg_') AND pg_has_role(session_user, oid, 'MEMBER'))""",
    ),
    Rule(
        "set-config",
        "set_config() is not for everybody.",
        "Everybody may call set_config(), by which an injected SELECT changes its role: only the guard refuses it.",
        "Where PostgreSQL is managed and lends you no superuser, accept it. Else, as superuser in database {database},"
        " since pg_dump, vacuumdb and reindexdb need it back:",
        f"REVOKE EXECUTE ON FUNCTION {SET_CONFIG} FROM PUBLIC;"
        f" GRANT EXECUTE ON FUNCTION {SET_CONFIG} TO {{owner}}, pg_read_all_data, pg_maintain",
        f"""NOT has_function_privilege(session_user, '{SET_CONFIG}', 'EXECUTE')
            AND NOT has_function_privilege('public', '{SET_CONFIG}', 'EXECUTE')""",
    ),
    Rule(
        "temporary-tables",
        "Neither the application nor everybody may make temporary tables.",
        "The application or everybody may make temporary tables, which cover others of the same name.",
        "As the database's owner:",
        "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC, {login}",
        """NOT has_database_privilege(session_user, current_database(), 'TEMPORARY')
            AND NOT has_database_privilege('public', current_database(), 'TEMPORARY')""",
    ),
    Rule(
        "create-schemas",
        "Neither the application nor everybody may make schemas.",
        "The application or everybody may make schemas, and in them what belongs to no tenant.",
        "As the database's owner:",
        "REVOKE CREATE ON DATABASE {database} FROM PUBLIC, {login}",
        """NOT has_database_privilege(session_user, current_database(), 'CREATE')
            AND NOT has_database_privilege('public', current_database(), 'CREATE')""",
    ),
    Rule(
        "create-in-public",
        "Neither the application nor everybody may make anything in schema public.",
        "The application or everybody may make things in schema public, which belong to no tenant.",
        "As the owner of the schema:",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {login}",
        """NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public'
            AND (has_schema_privilege(session_user, oid, 'CREATE')
                OR has_schema_privilege('public', oid, 'CREATE')))""",
    ),
    Rule(
        "login-timeouts",
        "Statements and idle transactions of the application's login end by themselves.",
        "The application's login has no statement_timeout or no idle_in_transaction_session_timeout: what runs outside"
        " of a tenant can hold its locks for ever.",
        "As that login itself; new connections have it:",
        "ALTER ROLE {login} IN DATABASE {database} SET statement_timeout = '30s';"
        " ALTER ROLE {login} IN DATABASE {database} SET idle_in_transaction_session_timeout = '60s'",
        "current_setting('statement_timeout') <> '0' AND current_setting('idle_in_transaction_session_timeout') <> '0'",
    ),
    Rule(
        "temp-file-limit",
        "There is a limit to the temporary files of one connection.",
        "temp_file_limit is not set: one tenant's sorts can fill the disk of all.",
        "Among a managed PostgreSQL's parameters, or as superuser; new connections have it:",
        "ALTER ROLE {login} IN DATABASE {database} SET temp_file_limit = '1GB'",
        "current_setting('temp_file_limit') <> '-1'",
    ),
    Rule(
        "pooler-session-state",
        "What one client sets on its session does not reach the next one.",
        "The pooler passes on what one client has set on its session to the next client. Bindings are SET LOCAL and"
        " hold in spite of it; whatever else sets something on a session does not.",
        "In PgBouncer's settings: server_reset_query_always = 1",
    ),
)
