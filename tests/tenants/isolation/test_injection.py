"""Injected SQL against pages with a hole (`tests/support/injection.py`), from an attacker with an account of their own.

Each attack runs in both modes, and twice: with the guard, where it must be refused, and without it, where it must
succeed. The databases grant `set_config` to everybody (`attacked`), so that nothing but the guard is in its way.

Where one role reads every tenant's tables no attack reads, learns, writes or leaves anything with the guard either.
What is weaker is what happens when the guard fails, and is listed: LET_THROUGH below, and `attacks_by_name`.
"""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from saas.core.settings import Settings
from tests.support import attacks
from tests.support import attacks_in_each_hole as in_each_hole
from tests.support.attacks import Attack, Place
from tests.support.injection import Stage, expect_refusal, reads_a_row, set_up, switch_off_guard, writes

# Among what the server stops where each tenant has a role, what it does not where they share one.
LET_THROUGH = {"another schema", "a record of another's", "an oracle for names of tables"}
# There is no tenant's role, so its name is not seen where the catalogue shows roles.
SHOWS_ROLES_ONLY = {"pg_roles", "regrole", "acldefault", "makeaclitem", "who may what"}


@pytest.fixture(scope="module")
def strict(app: Flask, settings: Settings) -> Iterator[Stage]:
    yield from set_up(settings)


@pytest.fixture
def strict_stage(strict: Stage) -> Iterator[Stage]:
    """The same where `set_config` is taken from everybody, as on the embedded server and on one of our own."""
    yield strict
    strict.reconnect()


@attacks.each(attacks.READS_A_ROW + in_each_hole.READS_A_ROW)
def test_an_injected_query_reads_no_row_of_another_tenant(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    reads_a_row(stage, attack, monkeypatch)


@attacks.each(attacks.READS_A_NAME)
def test_an_injected_query_learns_no_name_of_another_tenant(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    expect_refusal(stage, attack)
    switch_off_guard(monkeypatch)
    answer = stage.strike(attack)
    found = stage.name in answer.text or stage.victim.tenant in answer.text
    hidden = stage.mode.shared and attack.name in SHOWS_ROLES_ONLY
    assert found is not hidden, f"the attack itself does not work: {answer.text[:2000]}"
    stage.record("control leaked", int(found))


@attacks.each(attacks.LEAVES_A_TRACE + in_each_hole.LEAVES_A_TRACE)
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
    stage.record("control leaked", 1)


@attacks.each(attacks.WRITES + in_each_hole.WRITES)
def test_an_injected_query_writes_nothing_into_another_tenant(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    writes(stage, attack, monkeypatch)


@attacks.each(attacks.GAINS_NOTHING + in_each_hole.GAINS_NOTHING)
def test_the_guard_also_stops_what_gains_an_attacker_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    """Listed apart, since nothing shows what the guard adds."""
    expect_refusal(stage, attack)
    before = stage.left()
    switch_off_guard(monkeypatch)
    answer = stage.strike(attack)
    assert answer.status_code == 200, answer.text
    assert not {stage.row, stage.name, stage.victim.tenant}.intersection(answer.text.split('"'))
    assert stage.left() == before


@attacks.each(attacks.STOPPED_BY_THE_SERVER + in_each_hole.STOPPED_BY_THE_SERVER)
def test_the_guard_also_stops_what_the_server_stops_by_itself_or_with_a_role_each(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    expect_refusal(stage, attack)
    switch_off_guard(monkeypatch)
    answer = stage.strike(attack)
    if stage.mode.shared and attack.name in LET_THROUGH:
        assert answer.status_code == 200, answer.text
        stage.record("control leaked", 1)
    else:
        assert answer.status_code == 409, answer.text
        assert re.search(attack.error, answer.text), answer.text
        assert stage.row not in answer.text


@attacks.each([attack for attack in attacks.READS_A_ROW if "set_config(" in "".join(attack.texts)])
def test_where_set_config_is_revoked_the_server_stops_it_without_the_guard(
    strict_stage: Stage, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    """The control is the same attack further up, in a database where it is not revoked."""
    switch_off_guard(monkeypatch)
    before = strict_stage.left()
    answer = strict_stage.strike(attack)
    assert "permission denied for function set_config" in answer.text
    assert strict_stage.row not in answer.text + strict_stage.look()
    assert strict_stage.left()[:6] == before[:6]  # whose it is, and its settings


@pytest.mark.parametrize(
    ("place", "sent"),
    [
        ("filter", {"text": "ROW"}),
        ("sort", {"text": "title", "q": "50% of '; it"}),
        ("statement", {"text": "SELECT title FROM products WHERE title LIKE '%%row%%' OR title = 'mine'"}),
        ("raw", {"text": "SELECT title FROM products"}),
        ("design", {"text": "CREATE TABLE another (id int)", "then": "SELECT title FROM products"}),
        ("export", {"text": "COPY products TO STDOUT"}),
    ],
)
def test_each_injectable_page_works_where_nobody_attacks_it(stage: Stage, place: Place, sent: dict[str, str]) -> None:
    """So what is refused above is the attack; and the victim's own page shows what the attacker is after."""
    for person, title in ((stage.attacker, "mine"), (stage.victim, stage.row)):
        values = {name: text.replace("ROW", title) for name, text in sent.items()}
        answer = person.browser.request("GET", f"{person.home}/injectable/{place}", params=values)
        assert answer.status_code == 200, answer.text
        assert title in answer.text
