"""What Citus refuses is refused in a tenant's DDL."""

import pytest

from saas.devstack.rules.citus_ddl import citus_ddl

KEY = 'sa.Column("id", sa.Uuid, primary_key=True)'

FAULTS = [
    'op.execute("CREATE TRIGGER touch BEFORE UPDATE ON fh_x EXECUTE FUNCTION touch()")',
    'op.execute("create or replace trigger touch before update on fh_x")',
    'op.execute("ALTER TABLE fh_x ADD COLUMN n bigserial")',
    'op.execute(f"ALTER TABLE {table} ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY")',
    'op.execute("CREATE TABLE fh_x (id uuid)")',
    'op.execute("CREATE TABLE fh_x (id integer PRIMARY KEY)")',
    'op.execute("CREATE TABLE fh_x (id serial NOT NULL PRIMARY KEY)")',
    'op.execute("CREATE TABLE fh_x (id uuid PRIMARY KEY, u uuid REFERENCES other.users)")',
    """op.execute(f'ALTER TABLE fh_x ADD FOREIGN KEY (u) REFERENCES "{schema}".users')""",
    'op.execute("CREATE TABLE fh_x (PRIMARY KEY (id)) INHERITS (fh_y)")',
    'op.execute("ALTER SEQUENCE s INCREMENT BY 10")',
    'op.execute("CREATE TABLE fh_x (id uuid); CREATE TABLE fh_y (id uuid PRIMARY KEY)")',
    'op.create_table("fh_x", sa.Column("id", sa.Uuid))',
    'op.create_table("fh_x", sa.Column("id", type_=sa.Integer, primary_key=True))',
    'op.create_table("fh_x", sa.Column("id", sa.Integer, primary_key=True))',
    'op.create_table("fh_x", sa.Column("id", sa.SmallInteger()), sa.PrimaryKeyConstraint("id"))',
    f'op.create_table("fh_x", {KEY}, sa.Column("u", sa.Integer(), sa.ForeignKey("fh_y.id")))',
    f'op.create_table("fh_x", {KEY}, sa.Column("u", sa.Uuid, sa.ForeignKey("other.users.id")))',
    f'op.create_table("fh_x", {KEY}, sa.ForeignKeyConstraint(["u"], ["other.users.id"]))',
    f'op.create_table("fh_x", {KEY}, schema="other")',
    f'op.create_table("fh_x", {KEY}, postgresql_inherits="fh_y")',
    'op.create_foreign_key("f", "fh_x", "users", ["u"], ["id"], referent_schema="other")',
    'op.add_column("fh_x", sa.Column("n", sa.BigInteger, sa.Identity()))',
    'op.add_column("fh_x", sa.Column("n", sa.BigInteger, autoincrement=True))',
    'sa.Table("c", sa.MetaData(), *columns)',
]

INNOCENT = [
    '"""CREATE TRIGGER and INHERITS are refused here."""',
    f'op.create_table("fh_x", {KEY}, sa.Column("n", sa.Integer))',
    f'op.create_table("fh_x", {KEY}, sa.Column("y", sa.Uuid, sa.ForeignKey("fh_y.id")))',
    'op.create_table("fh_x", sa.Column("id", sa.BigInteger, sa.Identity()), sa.PrimaryKeyConstraint("id"))',
    f"columns = [{KEY}]\nsa.Table('c', sa.MetaData(), *columns)",
    'op.execute("CREATE TABLE fh_x (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer)")',
    'op.execute("CREATE TABLE fh_x (id uuid PRIMARY KEY, y uuid REFERENCES fh_y (id))")',
    'op.add_column("fh_x", sa.Column("n", sa.Integer))',
    'op.create_index("fh_x_ix", "fh_x", ["n"])',
    'label = "serial number"',
    'label = "This table inherits nothing"',
]


@pytest.mark.parametrize("place", ["migrations/tenant/versions/0001_x.py", "tenants/backend/collections/ddl.py"])
@pytest.mark.parametrize("code", FAULTS)
def test_ddl_that_citus_refuses_is_found(judge, place, code):
    assert judge(citus_ddl, {place: code}) == [f"{place}:1"]


@pytest.mark.parametrize("code", INNOCENT)
def test_ddl_that_citus_takes_is_left_alone(judge, code):
    assert judge(citus_ddl, {"migrations/tenant/versions/0001_x.py": code}) == []


def test_the_platforms_own_tables_are_free(judge):
    assert judge(citus_ddl, {"migrations/platform/versions/0001_x.py": "\n".join(FAULTS)}) == []
