"""The overlays, rendered once."""

import copy

import pytest

from tests.kubernetes.manifests import FOLDER, OVERLAYS, Manifests, brought, render


@pytest.fixture(scope="session")
def rendered() -> dict[str, Manifests]:
    folders = {name: FOLDER / "overlays" / name for name in OVERLAYS}
    return {name: render(folder, brought(folder)) for name, folder in folders.items()}


@pytest.fixture
def production(rendered: dict[str, Manifests]) -> Manifests:
    """A copy, to plant a fault in."""
    return copy.deepcopy(rendered["production"])
