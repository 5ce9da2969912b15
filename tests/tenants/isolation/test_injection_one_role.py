"""`TENANT_ISOLATION=schema` under the same attacks, where one role reads every tenant's tables.

With the guard no attack reads, learns, writes or leaves anything here either. What is weaker is what happens when the
guard fails, and is listed: `attacks_by_name.READS_A_ROW` and `WRITES`, and LET_THROUGH below. The server stops those
in the other mode without the guard, which is shown beside.
"""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from saas.core.settings import Settings
from tests.support import attacks, attacks_by_name, database
from tests.support.attacks import Attack
from tests.support.attacks_by_name import SIDE
from tests.support.injection import Stage, expect_refusal, set_up, switch_off_guard, switch_off_names
from tests.tenants.isolation.conftest import Superuser, loosen

# Among what the server stops where each tenant has a role.
LET_THROUGH = {"another schema", "a record of another's", "an oracle for names of tables"}
# There is no tenant's role, so its name is not seen where the catalogue shows roles.
SHOWS_ROLES_ONLY = {"pg_roles", "regrole", "acldefault", "makeaclitem", "who may what"}


@pytest.fixture(scope="module")
def one(request: pytest.FixtureRequest, app: Flask, settings: Settings, superuser: Superuser) -> Iterator[Stage]:
    made = database.one_role(database.empty_database(request.config, settings))
    loosen(made, superuser)
    for stage in set_up(made):
        stage.attacker.define("trim", title="text")
        with superuser(made) as cursor:
            cursor.execute(
                f"CREATE SCHEMA {SIDE} AUTHORIZATION fh_owner; GRANT USAGE ON SCHEMA {SIDE} TO fh_tenant;"
                f' CREATE TABLE {SIDE}.products AS SELECT * FROM "{stage.victim.tenant}".products;'
                f" GRANT SELECT ON {SIDE}.products TO fh_tenant"
            )
            cursor.connection.commit()
        yield stage


@pytest.fixture
def stage(one: Stage) -> Iterator[Stage]:
    yield one
    one.reconnect()


@pytest.fixture(scope="module")
def with_roles(loose_settings: Settings) -> Iterator[Stage]:
    yield from set_up(loose_settings)


@attacks.each(attacks.READS_A_ROW + attacks_by_name.READS_A_ROW)
def test_an_injected_query_reads_no_row_of_another_tenant(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    expect_refusal(stage, attack)
    switch_off_guard(monkeypatch)
    answer = stage.strike(attack)
    assert stage.row in answer.text, f"the attack itself does not work: {answer.text}"


@attacks.each(attacks.READS_A_NAME)
def test_an_injected_query_learns_no_name_of_another_tenant(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    expect_refusal(stage, attack)
    switch_off_guard(monkeypatch)
    answer = stage.strike(attack)
    found = stage.name in answer.text or stage.victim.tenant in answer.text
    assert found == (attack.name not in SHOWS_ROLES_ONLY), answer.text[:2000]


@attacks.each(attacks.LEAVES_A_TRACE)
def test_an_injected_query_leaves_nothing_on_the_connection(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    expect_refusal(stage, attack)
    before = stage.left()
    switch_off_guard(monkeypatch)
    answer = stage.strike(attack)
    after = stage.left()
    assert after[0] == before[0], "the control needs the same connection"
    assert after != before, f"the attack itself does not work: {answer.text}"


@attacks.each(attacks.WRITES + attacks_by_name.WRITES)
def test_an_injected_query_writes_nothing_into_another_tenant(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    expect_refusal(stage, attack)
    before = stage.theirs().count("planted")
    switch_off_guard(monkeypatch)
    answer = stage.strike(attack)
    assert stage.theirs().count("planted") == before + 1, f"the attack itself does not work: {answer.text}"


@attacks.each(attacks.STOPPED_BY_THE_SERVER)
def test_of_what_the_server_stops_by_itself_some_passes_it_here(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    expect_refusal(stage, attack)
    switch_off_guard(monkeypatch)
    answer = stage.strike(attack)
    if attack.name in LET_THROUGH:
        assert answer.status_code == 200, answer.text
    else:
        assert answer.status_code == 409, answer.text
        assert re.search(attack.error, answer.text), answer.text


@attacks.each(attacks_by_name.READS_A_ROW + attacks_by_name.WRITES)
def test_with_a_role_for_each_tenant_the_server_stops_what_only_names_a_schema(
    with_roles: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    """This is the difference between the two modes."""
    before = with_roles.theirs()
    switch_off_guard(monkeypatch)
    answer = with_roles.strike(attack)
    assert answer.status_code == 409, answer.text
    assert re.search("permission denied for schema|does not exist", answer.text), answer.text
    assert with_roles.row not in answer.text
    assert with_roles.theirs() == before
    with_roles.reconnect()


@attacks.each(attacks_by_name.READS_THE_SIDE)
def test_a_schema_is_not_reached_by_any_other_name(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    """The control leaves the guard's first look on, which knows the ids of tenants and nothing of this schema."""
    expect_refusal(stage, attack)
    switch_off_names(monkeypatch)
    answer = stage.strike(attack)
    assert stage.row in answer.text, f"the attack itself does not work: {answer.text}"
