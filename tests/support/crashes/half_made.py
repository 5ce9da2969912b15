"""What a crash in the middle of a sign-up or of provisioning would leave, looked for by the superuser."""

# What is not whole, a line each: 0 lines of a platform in order.
HALF_MADE = """
    WITH spaces AS (SELECT nspname::text AS id FROM pg_namespace WHERE nspname LIKE 't\\_%'),
    roles AS (SELECT rolname::text AS id FROM pg_roles WHERE rolname LIKE 't\\_%'),
    tables AS (
        SELECT relnamespace::regnamespace::text AS id, count(*) AS n FROM pg_class
        WHERE relkind IN ('r', 'i') AND relnamespace::regnamespace::text LIKE 't\\_%'
        AND relname LIKE 'fh\\_%' GROUP BY 1  -- ours: people make others
    )
    SELECT 'schema without a row', id FROM spaces WHERE id NOT IN (
        SELECT id FROM platform.tenants WHERE state <> 'preparing')
    UNION ALL SELECT 'role without a row', id FROM roles WHERE id NOT IN (
        SELECT id FROM platform.tenants WHERE state <> 'preparing')
    UNION ALL SELECT 'row without a schema', id FROM platform.tenants
        WHERE state <> 'preparing' AND id NOT IN (SELECT id FROM spaces)
    UNION ALL SELECT 'row without a role', id FROM platform.tenants
        WHERE state <> 'preparing' AND id NOT IN (SELECT id FROM roles)
    UNION ALL SELECT 'schema by half', id FROM tables WHERE n <> (SELECT max(n) FROM tables)
    UNION ALL SELECT 'role that nobody may take', id FROM roles WHERE NOT EXISTS (
        SELECT FROM pg_auth_members JOIN pg_roles r ON r.oid = roleid JOIN pg_roles m ON m.oid = member
        WHERE r.rolname = roles.id AND m.rolname = 'fh_app' AND set_option AND NOT inherit_option)
    UNION ALL SELECT 'workspace without an owner', id FROM platform.tenants t WHERE state <> 'spare'
        AND NOT EXISTS (SELECT FROM platform.memberships WHERE tenant = t.id AND role = 'owner')
    UNION ALL SELECT 'workspace without its audit', id FROM platform.tenants t WHERE state <> 'spare'
        AND NOT EXISTS (SELECT FROM platform.audit WHERE tenant = t.id AND action = 'tenant.opened')
    UNION ALL SELECT 'workspace without a job', id FROM platform.tenants t WHERE state = 'preparing'
        AND NOT EXISTS (SELECT FROM platform.jobs WHERE name = 'tenants.provision' AND args ? t.id)
    UNION ALL SELECT 'person without a workspace', id::text FROM platform.users u
        WHERE NOT EXISTS (SELECT FROM platform.memberships WHERE user_id = u.id)
"""
