"""A bound value behind an E: the driver quotes it for a plain string, and in an escape string `\\'` ends it."""

import pytest
from flask import Flask

from saas.core.database import db
from tenants import isolation
from tenants.isolation import StatementRefused, guard, modes
from tests.support.injection import switch_off_guard
from tests.support.people import Person


@pytest.mark.parametrize(
    "statement", ["SELECT E%s", "SELECT e%(q)s", "SELECT 1 ORDER BY E %s", "SELECT U&%s", "SELECT n%s"]
)
def test_a_placeholder_that_would_become_another_kind_of_string_is_refused(statement: str) -> None:
    with pytest.raises(StatementRefused):
        guard.check(statement)


def test_the_value_reads_no_neighbour(
    app: Flask, owner: Person, stranger: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.key()
    with app.app_context():
        role = modes.current().role_of(owner.tenant)
        value = f"""\\'; RESET ROLE; SET LOCAL ROLE "{role}"; SELECT label FROM "{owner.tenant}".fh_keys --"""
        isolation.bind(stranger.tenant)
        with pytest.raises(StatementRefused):
            run(value)
    switch_off_guard(monkeypatch)  # the control
    with app.app_context():
        isolation.bind(stranger.tenant)
        assert run(value) == [("Tests",)]


def run(value: str) -> list[tuple[str, ...]]:
    driver = db.session.connection().connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor:
        cursor.execute("SELECT E%s", (value,))
        rows: list[tuple[str, ...]] = cursor.fetchall()
        return rows
