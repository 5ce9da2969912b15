"""Run the suites, or those that are named; ends with pytest's status."""

import os
import sys

from tests.security.suites import SUITES


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in SUITES]:
        print(f"There is no suite {', '.join(unknown)}; there are {', '.join(SUITES)}.", file=sys.stderr)
        return 2
    os.environ["FREEHOLD_COUNTS"] = "full"  # before anything reads it; the workers inherit it
    import pytest

    from tests.security.table import Table
    from tests.support import counts

    os.environ["FREEHOLD_SEED"] = counts.SEED  # the same in each worker
    print(f"FREEHOLD_SEED={counts.SEED} repeats what is random here.")
    paths = [path for name in names or SUITES for path in SUITES[name]]
    return pytest.main(["-q", "-n", "2", "--dist", "worksteal", *paths], plugins=[Table()])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
