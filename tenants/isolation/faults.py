"""The rules without which nothing of the isolation would be left."""

from tenants.isolation.modes import Mode
from tenants.isolation.rule import Rule

EMPTY = "platform-tables"  # the name of the rule that an untouched database breaks
MADE_BY_MIGRATIONS = {EMPTY, "login-rights", "isolation-mode"}
ABOVE_RULES = "rolsuper OR rolbypassrls"  # of a row of pg_roles


def faults(mode: Mode) -> list[Rule]:
    """Those of a database whose tenants are kept apart in this way."""
    return [*_ALWAYS, _agreed(mode)]


def _agreed(mode: Mode) -> Rule:
    return Rule(
        "isolation-mode",
        f"The policies go by what TENANT_ISOLATION={mode.name} binds.",
        f"The policies go by something else than what TENANT_ISOLATION={mode.name} binds.",
        "Set the TENANT_ISOLATION that the database was migrated with.",
        holds=f"""EXISTS (SELECT FROM pg_proc WHERE proname = 'bound' AND pronamespace = to_regnamespace('platform')
            AND prosrc = '{mode.bound}')""",
        fault=True,
    )


_ALWAYS = (
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
