"""The rules that have others beside them, so that whoever runs the platform can do without one, by its name."""

from tenants.isolation.rule import Rule

SET_CONFIG = "pg_catalog.set_config(text, text, boolean)"

GAPS = (
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
