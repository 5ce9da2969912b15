"""Run the suites, or those that are named; ends with pytest's status."""

import sys

from tests.security import at_length
from tests.security.suites import SUITES


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in SUITES]:
        print(f"There is no suite {', '.join(unknown)}; there are {', '.join(SUITES)}.", file=sys.stderr)
        return 2
    paths = [path for name in names or SUITES for path in SUITES[name]]
    return at_length.run(paths, "-n", "2", "--dist", "worksteal")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
