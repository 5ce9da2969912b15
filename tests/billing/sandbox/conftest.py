"""A stand-in of this worker's own, and a shop whose API key nobody else has."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.standin import Process, Receiver, Shop


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = Process(tmp_path_factory.mktemp("standin") / "state.sqlite")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def shop(standin: Process) -> Shop:
    return Shop(standin.url, f"sk_test_{secrets.token_hex(8)}")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Process]:
    """A stand-in to kill."""
    process = Process(tmp_path / "state.sqlite")
    process.start()
    yield process
    process.stop()
