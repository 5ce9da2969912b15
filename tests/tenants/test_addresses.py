"""Workspace addresses."""

import pytest
from flask import Flask

from tenants import addresses
from tenants.errors import AddressTaken, BadAddress
from tests.support.people import Person, unique


def test_all_reserved_names_could_be_addresses_but_are_none(app: Flask) -> None:
    fit = [name for name in addresses.RESERVED if len(name) >= addresses.SHORTEST]
    with app.app_context():
        for name in fit:
            with pytest.raises(BadAddress, match="This address can't be used") as refused:
                addresses.check(name)
            assert refused.value.fields["address"] == f"{name} is reserved for the platform. Choose another address."


def test_what_is_proposed_can_be_taken(app: Flask, owner: Person) -> None:
    names = ["Ab", "x", "Admin", owner.address, "L'Étoile d'Or", "1&1", "A" * 300, f"{'long-' * 20}{unique()}"]
    with app.app_context():
        for name in names:
            proposed = addresses.propose(name)
            assert addresses.check(proposed) == proposed


def test_a_taken_address_is_no_longer_free(app: Flask, owner: Person) -> None:
    with app.app_context(), pytest.raises(AddressTaken):
        addresses.check(owner.address)


def test_when_a_hundred_have_the_name_none_is_proposed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather an empty field than a longer search."""
    with app.app_context():
        monkeypatch.setattr(addresses, "LONGEST", 8)
        assert addresses.propose("Bakery") == "bake"
