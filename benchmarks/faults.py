"""`./dev bench jobs --faults`: what is killed, hung and wiped in CI's tests of the jobs, at full counts.

One after the other and nothing beside them, since some are about time. Each says which seed it has, how often what was
hit, and what came of it; the table at the end is pytest's, as is the exit status.
"""

from tests.security import at_length
from tests.security.suites import JOBS

FAULTS = {"jobs": JOBS}  # of a benchmark, by its name


def run(name: str) -> int:
    return at_length.run(FAULTS[name], "-s")
