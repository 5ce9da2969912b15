"""`TENANT_ISOLATION=schema` under attacks that only name another schema, where one role reads every tenant's tables.

With the guard none reads or writes anything here either. Without it the server stops each of them in the other mode,
and none in this one.
"""

import re

import pytest

from tests.support import attacks, attacks_by_name
from tests.support.attacks import Attack
from tests.support.injection import Stage, expect_refusal, reads_a_row, switch_off_guard, switch_off_names, writes

one_role = pytest.mark.parametrize("attacked", ["schema"], indirect=True)
a_role_each = pytest.mark.parametrize("attacked", ["roles"], indirect=True)


@one_role
@attacks.each(attacks_by_name.READS_A_ROW)
def test_a_query_that_names_another_schema_reads_no_row(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    reads_a_row(stage, attack, monkeypatch)


@one_role
@attacks.each(attacks_by_name.WRITES)
def test_a_query_that_names_another_schema_writes_nothing_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    writes(stage, attack, monkeypatch)


@a_role_each
@attacks.each(attacks_by_name.READS_A_ROW + attacks_by_name.WRITES)
def test_with_a_role_for_each_tenant_the_server_stops_what_only_names_a_schema(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    """This is the difference between the two modes."""
    before = stage.theirs()
    switch_off_guard(monkeypatch)
    answer = stage.strike(attack)
    assert answer.status_code == 409, answer.text
    assert re.search("permission denied for schema|does not exist", answer.text), answer.text
    assert stage.row not in answer.text
    assert stage.theirs() == before


@one_role
@attacks.each(attacks_by_name.READS_THE_SIDE)
def test_a_schema_is_not_reached_by_any_other_name(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    """The control leaves the guard's first look on, which knows the ids of tenants and nothing of this schema."""
    expect_refusal(stage, attack)
    switch_off_names(monkeypatch)
    answer = stage.strike(attack)
    assert stage.row in answer.text, f"the attack itself does not work: {answer.text}"
    stage.record("control leaked", 1)
