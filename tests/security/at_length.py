"""Tests at full counts, with a table of what came of them at the end."""

import os
from collections.abc import Sequence


def run(paths: Sequence[str], *options: str) -> int:
    """Returns pytest's status."""
    os.environ["FREEHOLD_COUNTS"] = "full"  # before anything reads it; the workers inherit it
    import pytest

    from tests.security.table import Table
    from tests.support import counts

    os.environ["FREEHOLD_SEED"] = counts.SEED  # the same in each worker
    print(f"FREEHOLD_SEED={counts.SEED} repeats what is random here.", flush=True)
    return pytest.main(["-q", *options, *paths], plugins=[Table()])
