"""Each thing that somebody alters by hand is found, and the printed command mends it.

The controls: where nothing was altered nothing is found, in both modes, whoever looks.
"""

from collections.abc import Callable

import pytest

from saas.devstack import cluster
from tenants.isolation import modes
from tests.tenants.isolation.proof.alterations import (
    ELSEWHERE,
    EXTENSION,
    PLATFORM,
    ROLES,
    SCHEMAS,
    SHARED_ROLE,
    TABLES,
    Alteration,
)
from tests.tenants.isolation.proof.conftest import Installation, Superuser

Tell = Callable[[str, object], None]
SET_CONFIG = "GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC"


@pytest.fixture(scope="module")
def shared_role(start: Callable[..., Installation]) -> Installation:
    return start(tenant_isolation="schema")


def test_control_nothing_is_found_where_nothing_was_altered(installation: Installation) -> None:
    with installation.superuser() as superuser:
        nothing_found(superuser)


def test_control_nor_where_all_tenants_share_a_role(shared_role: Installation) -> None:
    with shared_role.superuser(modes.SCHEMA) as superuser:
        nothing_found(superuser)


def test_control_nor_where_a_superuser_is_the_administrator(start: Callable[..., Installation]) -> None:
    with start(cluster.SUPERUSER, tenant_isolation="roles").superuser() as superuser:
        assert superuser.look(as_superuser=True).findings == []


def nothing_found(superuser: Superuser) -> None:
    for as_superuser in (False, True):
        proof = superuser.look(as_superuser=as_superuser)
        assert proof.findings == []
        assert proof.tenants >= 3  # with a spare one
        assert proof.tables == 4 * proof.tenants + 2  # ours and the module's in each, the collection in two


@pytest.mark.parametrize("alteration", [*ROLES, *SCHEMAS, *TABLES, *PLATFORM, *ELSEWHERE], ids=str)
def test_what_is_altered_by_hand_is_found_and_mended(
    installation: Installation, alteration: Alteration, record_property: Tell
) -> None:
    with installation.superuser() as superuser:
        found_and_mended(installation, superuser, alteration)
    tell(record_property)


@pytest.mark.parametrize("alteration", SHARED_ROLE, ids=str)
def test_and_where_all_tenants_share_a_role(
    shared_role: Installation, alteration: Alteration, record_property: Tell
) -> None:
    with shared_role.superuser(modes.SCHEMA) as superuser:
        found_and_mended(shared_role, superuser, alteration)
    tell(record_property)


def tell(record_property: Tell) -> None:
    """One alteration, and it was not overlooked."""
    for name, figure in (("tried", 1), ("faults", 1), ("leaks", 0)):
        record_property(name, figure)


def found_and_mended(installation: Installation, superuser: Superuser, alteration: Alteration) -> None:
    """Exactly one finding before, and none after."""
    names = {"one": installation.one, "other": installation.other}
    superuser.run(alteration.sql.format_map(names))
    found = superuser.look().findings
    assert [(one.check, one.object) for one in found] == [(alteration.check, alteration.object.format_map(names))]
    mend = superuser.run if alteration.mended_by_superuser else superuser.run_as_administrator
    mend(found[0].mend)
    assert superuser.look().findings == []


def test_what_an_extension_grants_everybody_in_its_own_schema_is_its_business(installation: Installation) -> None:
    """Its control is among the alterations: the schema and a right too many."""
    with installation.superuser() as superuser:
        superuser.run(EXTENSION)
        for as_superuser in (False, True):
            assert superuser.look(as_superuser=as_superuser).findings == []


def test_what_only_a_superuser_can_mend_for_set_config_is_told_to_nobody_else(installation: Installation) -> None:
    """As on managed PostgreSQL, where it is a gap that `saas doctor` names."""
    with installation.superuser() as superuser:
        superuser.run(SET_CONFIG)
        assert superuser.look().findings == []
        (found,) = superuser.look(as_superuser=True).findings
        assert found.object == "pg_catalog.set_config(text, text, boolean)"
        superuser.run(found.mend)
        assert superuser.look(as_superuser=True).findings == []


def test_what_hides_behind_another_alteration_is_found_once_that_is_mended(installation: Installation) -> None:
    """Revoking a privilege on a table takes those on its columns along, and an owner's grants go with the ownership."""
    one, other = installation.one, installation.other
    with installation.superuser() as superuser:
        superuser.run(
            f"ALTER TABLE {one}.notes OWNER TO {other}; GRANT SELECT ON {one}.notes TO {other} WITH GRANT OPTION;"
            f" GRANT SELECT ON platform.users, platform.invitations TO fh_tenant; ALTER ROLE {other} LOGIN;"
            " DROP FUNCTION platform.bound() CASCADE"
        )
        for _ in range(2):
            for finding in superuser.look().findings:
                superuser.run(finding.mend)
        assert superuser.look().findings == []
