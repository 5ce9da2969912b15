"""Leaks to plant: each takes one defence between tenants or roles away, and names a test that must then fail.

Run them all with `./dev test tests/architecture/test_leaks.py`; one by its name with `-k`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Leak:
    name: str
    file: str
    defence: str  # stands in the file exactly once
    instead: str
    caught_by: str  # tests, as pytest names them


STRANGERS = "tests/tenants/isolation/test_strangers.py"
ROW_SECURITY = "tests/tenants/isolation/test_row_security.py"

LEAKS = [
    Leak(
        "a key opens another workspace's host",
        "tenants/backend/api/access.py",
        "if address is not None and address != workspace.address:",
        "if False:",
        "tests/tenants/backend/keys/test_keys.py::test_a_key_does_not_open_another_workspaces_host",
    ),
    Leak(
        "a revoked key still works",
        "tenants/backend/keys/service.py",
        "query.where(ApiKey.secret_digest == tokens.digest(secret), ApiKey.revoked_at.is_(None))",
        "query.where(ApiKey.secret_digest == tokens.digest(secret))",
        "tests/tenants/backend/keys/test_keys.py::test_a_revoked_key_is_refused_from_now_on",
    ),
    Leak(
        "a workspace takes another one's cookie",
        "tenants/routing.py",
        "SignIn.tenant == Tenant.id)",
        "SignIn.tenant.is_not(None))",
        STRANGERS,
    ),
    Leak(
        "whoever is signed in is let in",
        "tenants/routing.py",
        "if here.role is None:",
        "if False:",
        "tests/tenants/test_entry.py::test_a_member_who_is_removed_is_out_at_once",
    ),
    Leak(
        "every role may do everything",
        "tenants/members/permissions.py",
        "return role in found.roles",
        "return role is not None",
        "tests/tenants/test_route_matrix.py",
    ),
    Leak(
        "a pass is taken without its nonce",
        "tenants/entry.py",
        "if found.tenant != workspace.id or not nonce or found.nonce_digest != tokens.digest(nonce):",
        "if found.tenant != workspace.id:",
        "tests/tenants/test_entry.py",
    ),
    Leak(
        "a pass opens another workspace",
        "tenants/entry.py",
        "if found.tenant != workspace.id or not nonce",
        "if not nonce",
        "tests/tenants/test_entry.py",
    ),
    Leak(
        "a tenant's job runs unbound",
        "saas/core/jobs/runner.py",
        'current_app.extensions["freehold.bind"](row.tenant)',
        "pass",
        "tests/core/jobs",
    ),
    Leak(
        "a connection keeps its tenant after the transaction",
        "tenants/isolation/connection.py",
        'self.binding, self.scope, self.announced = None, "work", False',
        "pass",
        "tests/tenants/isolation/test_binding.py",
    ),
    Leak(
        "calls are counted under a key without the tenant",
        "tenants/usage/flows.py",
        "self._counts[tenant, limit.name, period()] += n",
        'self._counts["", limit.name, period()] += n',
        "tests/tenants/usage/test_flows.py",
    ),
    Leak(
        "memberships without row security",
        "migrations/platform/versions/0001_first_slice.py",
        'for table in ("memberships", "jobs", "audit", "users"):',
        'for table in ("jobs", "audit", "users"):',
        ROW_SECURITY,
    ),
    Leak(
        "usage of others can be read",
        "migrations/platform/versions/0002_plans_and_limits.py",
        "CREATE POLICY tenant ON platform.usage TO fh_tenant USING (tenant = platform.bound());",
        "CREATE POLICY tenant ON platform.usage TO fh_tenant USING (true);",
        ROW_SECURITY,
    ),
    Leak(
        "injected SQL is not looked at",
        "tenants/isolation/guard.py",
        "if reason := verdict(statement):",
        "if (reason := verdict(statement)) and False:",
        "tests/tenants/isolation/test_injection.py",
    ),
    Leak(
        "a suspended workspace stays open",
        "tenants/routing.py",
        "if workspace.suspended_reason is not None:",
        "if False:",
        "tests/console",
    ),
    Leak(
        "anybody accepts an invitation",
        "tenants/team/acceptance.py",
        "mine = found.email == email",
        "mine = True",
        "tests/tenants/team/test_joining.py",
    ),
    Leak(
        "somebody who left keeps a working key",
        "tenants/team/service.py",
        'keys.revoke_of(user, actor=f"user:{by}", now=now)',
        "pass",
        "tests/tenants/team/test_leaving.py",
    ),
    Leak(
        "another tenant's checkout is shown",
        "billing/checkout.py",
        "sa.select(Checkout).where(Checkout.id == id_, Checkout.tenant == tenant)",
        "sa.select(Checkout).where(Checkout.id == id_)",
        "tests/billing",
    ),
    Leak(
        "whoever is signed in enters the back office",
        "saas/console/door.py",
        "if not identity.current().on_site or not identity.person().operator:",
        "if not identity.current().on_site:",
        "tests/console",
    ),
    Leak(
        "the back office asks for no second factor",
        "saas/console/door.py",
        "if request.endpoint in _BEFORE_THE_FACTOR or has_given_factor():",
        "if True:",
        "tests/console",
    ),
]
