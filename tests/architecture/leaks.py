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
        "migrations/platform/versions/0010_billing.py",
        "s.expires_at > now() AND s.tenant = t.id",
        "s.expires_at > now() AND s.tenant IS NOT NULL",
        f"{STRANGERS}::test_the_owners_workspace_cookie_is_good_on_the_owners_host_only",
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
        "tests/tenants/test_route_matrix.py::"
        "test_each_role_is_let_through_where_the_table_says_so_and_nowhere_else[viewer]",
    ),
    Leak(
        "a pass is taken without its nonce",
        "tenants/entry.py",
        "if found.tenant != workspace.id or not nonce or found.nonce_digest != tokens.digest(nonce):",
        "if found.tenant != workspace.id:",
        "tests/tenants/test_entry.py::test_a_pass_is_worthless_without_the_browser_that_asked",
    ),
    Leak(
        "a pass opens another workspace",
        "tenants/entry.py",
        "if found.tenant != workspace.id or not nonce",
        "if not nonce",
        "tests/tenants/test_entry.py::test_a_pass_for_one_workspace_opens_no_other",
    ),
    Leak(
        "a tenant's job runs unbound",
        "saas/core/jobs/running.py",
        'current_app.extensions["freehold.bind"](self.tenant)',
        "pass",
        "tests/core/jobs/test_runner.py::test_a_tenants_job_is_bound_to_it",
    ),
    Leak(
        "a connection keeps its tenant after the transaction",
        "tenants/isolation/connection.py",
        'self.binding, self.scope, self.announced = None, "work", False',
        "pass",
        "tests/tenants/isolation/test_binding.py::test_a_connection_forgets_its_tenant_with_the_transaction",
    ),
    Leak(
        "calls are counted under a key without the tenant",
        "tenants/usage/flows.py",
        "self._counts[tenant, limit.name, period()] += n",
        'self._counts["", limit.name, period()] += n',
        "tests/tenants/usage/test_flows.py::test_each_call_of_the_api_counts_once",
    ),
    Leak(
        "memberships without row security",
        "migrations/platform/versions/0001_first_slice.py",
        'for table in ("memberships", "jobs", "audit", "users"):',
        'for table in ("jobs", "audit", "users"):',
        f"{ROW_SECURITY}::test_a_tenant_sees_its_own_rows_only",
    ),
    Leak(
        "usage of others can be read",
        "migrations/platform/versions/0002_plans_and_limits.py",
        "CREATE POLICY tenant ON platform.usage TO fh_tenant USING (tenant = platform.bound());",
        "CREATE POLICY tenant ON platform.usage TO fh_tenant USING (true);",
        f"{ROW_SECURITY}::test_a_tenant_sees_its_own_rows_only",
    ),
    Leak(
        "injected SQL is not looked at",
        "tenants/isolation/guard.py",
        "if reason := verdict(statement):",
        "if (reason := verdict(statement)) and False:",
        "tests/tenants/isolation/test_injection.py::test_an_injected_query_reads_no_row_of_another_tenant",
    ),
    Leak(
        "a schema can be named where tenants share a role",
        "tenants/isolation/connection.py",
        "is not None and binding.mode.shared:",
        "is not None and False:",
        "tests/tenants/isolation/test_injection_one_role.py::test_a_schema_is_not_reached_by_any_other_name",
    ),
    Leak(
        "a suspended workspace stays open",
        "tenants/routing.py",
        "if workspace.suspended_reason is not None:",
        "if False:",
        "tests/console/test_actions.py::test_an_action[suspend]",
    ),
    Leak(
        "anybody accepts an invitation",
        "tenants/team/acceptance.py",
        "mine = found.email == email",
        "mine = True",
        "tests/tenants/team/test_joining.py::test_somebody_else_learns_nothing_and_may_sign_out_and_come_back",
    ),
    Leak(
        "somebody who left keeps a working key",
        "tenants/team/service.py",
        'keys.revoke_of(user, actor=f"user:{by}", now=now)',
        "pass",
        "tests/tenants/team/test_leaving.py::test_whoever_is_removed_is_out_at_once_with_sessions_keys_and_seat",
    ),
    Leak(
        "another tenant's checkout is shown",
        "billing/acting/checkout.py",
        "sa.select(Checkout).where(Checkout.id == id_, Checkout.tenant == tenant)",
        "sa.select(Checkout).where(Checkout.id == id_)",
        "tests/billing/test_strangers.py::test_a_stranger_sees_and_does_nothing",
    ),
    Leak(
        "whoever is signed in enters the back office",
        "saas/console/door.py",
        "if not identity.current().on_site or not identity.person().operator:",
        "if not identity.current().on_site:",
        "tests/console/test_door.py::test_to_everyone_but_an_operator_there_is_no_back_office",
    ),
    Leak(
        "a form of the back office is taken without the second factor",
        "saas/console/door.py",
        "if request.endpoint in _BEFORE_THE_FACTOR or has_given_factor():",
        'if request.endpoint in _BEFORE_THE_FACTOR or request.method == "POST" or has_given_factor():',
        "tests/accounts/test_second_factor.py::test_a_form_sent_without_it_does_nothing_and_says_so",
    ),
]
