"""Each of the probe's statements is refused; with the guard away each crosses, or the server alone stops it.

In both modes, and each database grants `set_config` to everybody, as one that others manage does.
"""

from collections.abc import Iterator

import pytest
from flask import Flask

from saas.core.settings import Settings
from tenants.isolation import modes
from tenants.probe import canaries, payloads
from tenants.probe.outcomes import Answer
from tenants.probe.payloads import Payload
from tenants.probe.sides import Side
from tenants.probe.ways import statements
from tests.support import database
from tests.support.injection import switch_off_guard
from tests.tenants.isolation.conftest import Superuser, loosen

# What the embedded server says by itself to those that can't succeed there.
STOPPED = {
    "another schema": "permission denied for schema",
    "another search path": 'relation "markers" does not exist',
    "set_config and query_to_xml in one statement": "unsupported XML feature",
    "SET SESSION AUTHORIZATION": "permission denied to set session authorization",
    "dblink": "function dblink(unknown, unknown) does not exist",
    "SELECT INTO": "permission denied for schema",
    "a file of the server's": "permission denied for function pg_read_file",
    "COPY to a program": "permission denied to COPY",
}
# Where tenants share a role it stops fewer, and has no role of another's to tell of.
LET_THROUGH = {"another schema", "another search path"}
TELLS_NOTHING = {"the catalogue's roles"}


@pytest.fixture(scope="module", params=["roles", "schema"])
def loose(request: pytest.FixtureRequest, settings: Settings, superuser: Superuser) -> Iterator[Flask]:
    if request.param == "roles":
        made = request.getfixturevalue("loose_settings")
    else:
        made = database.one_role(database.empty_database(request.config, settings))
        loosen(made, superuser)
    with database.application(made) as app:
        yield app


@pytest.mark.parametrize("payload", payloads.GUARDED, ids=lambda payload: payload.name)
def test_a_statement_is_refused_and_without_the_guard_it_crosses(
    loose: Flask, monkeypatch: pytest.MonkeyPatch, payload: Payload
) -> None:
    with loose.app_context():
        mine, theirs = canaries.ready()
        guarded = strike(mine, payload, theirs)
        assert guarded.refused
        assert not theirs.told_by(guarded.text, by_id=payload.by_id)
        switch_off_guard(monkeypatch)
        open_ = strike(mine, payload, theirs)
        shared = modes.current().shared
        with_xml = "query_to_xml" in payload.name and not open_.refused  # as some servers are built
        if payload.name in STOPPED.keys() - (LET_THROUGH if shared else set()) and not with_xml:
            assert open_.refused
            assert STOPPED[payload.name] in open_.text
        elif shared and payload.name in TELLS_NOTHING:
            assert not theirs.told_by(open_.text, by_id=payload.by_id)
        else:
            assert theirs.told_by(open_.text, by_id=payload.by_id) or (payload.harmful and not open_.refused), open_


def test_nothing_of_those_that_got_through_is_left_on_the_connections(
    loose: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = "SELECT current_user = session_user, current_setting('search_path')"
    (before,) = database.sql(loose, role)
    with monkeypatch.context() as patch, loose.app_context():
        switch_off_guard(patch)
        mine, theirs = canaries.ready()
        for payload in payloads.GUARDED:
            strike(mine, payload, theirs)
    assert database.sql(loose, role) == [before]


def strike(mine: Side, payload: Payload, theirs: Side) -> Answer:
    return statements._strike(mine, payload, statements._through_the_guard, theirs)
