"""Schemas and roles are named in one place."""

import pytest

from saas.devstack.rules.schema_names import schema_names

FAULTS = [
    'sql = "SELECT * FROM platform.users"',
    'sql = \'SELECT * FROM "platform"."users"\'',
    'key = sa.ForeignKey("platform.users.id")',
    'table = sa.Table("users", sa.MetaData(schema="platform"))',
    '__table_args__ = {"schema": "platform"}',
    'schema = f"t_{tenant}"',
    'schema = "t_" + tenant',
    'schema = "t_%s" % tenant',
    "sql = \"SELECT nspname FROM pg_namespace WHERE nspname LIKE 't\\\\_%'\"",
    'sql = "SET search_path TO x"',
    'sql = f"SET LOCAL ROLE {role}"',
    'sql = "set local role x"',
    'sql = "RESET ROLE"',
    'sql = "SET SESSION AUTHORIZATION x"',
    "sql = \"SELECT set_config('role', %s, true)\"",
    'sql = f"GRANT SELECT ON {table} TO fh_tenant"',
    'role = "fh_owner"',
    'log.info(f"{x}", sql="fh_app")',
]

INNOCENT = [
    '"""Binds by SET LOCAL ROLE and search_path; platform.users belongs to fh_owner."""',
    'def f() -> None:\n    """Reads platform.users as fh_app, never t_x."""',
    "# platform.users, t_abc, search_path, fh_owner",
    'text = "the platform. Its users set a role."',
    'text = "Set role of a member"',
    'path = "migrations.platform.env"',
    'name = "platform.html"',
    'system = platform.system() + "x"',
    '__tablename__ = "fh_keys"',
    'key = f"fh_test_{tenant}_{secret}"',
    'key = sa.ForeignKey("users.id")',
    'answer = {"schema": "object"}',
]


@pytest.mark.parametrize("code", FAULTS)
def test_a_schema_or_role_named_elsewhere_is_found(judge, code):
    assert judge(schema_names, {"tenants/lifecycle.py": f"x = 1\n{code}\n"}) == ["tenants/lifecycle.py:2"]


@pytest.mark.parametrize("code", INNOCENT)
def test_prose_and_other_names_are_left_alone(judge, code):
    assert judge(schema_names, {"tenants/lifecycle.py": code + "\n"}) == []


@pytest.mark.parametrize(
    "place", ["tenants/isolation/binding.py", "migrations/platform/env.py", "saas/core/database.py"]
)
def test_the_places_that_make_schemas_may_name_them(judge, place):
    assert judge(schema_names, {place: "\n".join(FAULTS)}) == []


def test_a_name_inside_a_hole_of_a_text_is_found(judge):
    code = """sql = f"SELECT {', '.join(['platform.users', x])}" """
    assert judge(schema_names, {"billing/views.py": code}) == ["billing/views.py:1"]
