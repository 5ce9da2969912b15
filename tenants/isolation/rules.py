"""What the database has to enforce, each rule under a name that stays.

`holds` is SQL, true where the rule is kept, as the application's login sees it; a rule of the pooler has none and is
tried out instead (pooler.py). A rule that is not kept is a gap, which ACCEPTED_GAPS can accept by its name, or, where
nothing of the isolation would be left, a fault, which it can't. docs/postgres.md has the same list for people.
"""

from tenants.isolation import faults as serious
from tenants.isolation.gaps import GAPS
from tenants.isolation.modes import ROLES, Mode
from tenants.isolation.rule import Rule


def rules(mode: Mode) -> list[Rule]:
    """Those of a database whose tenants are kept apart in this way, faults first."""
    return [*serious.faults(mode), *GAPS]


def names(*, faults: bool) -> set[str]:
    """The names of all faults, or of all gaps."""
    return {rule.name for rule in rules(ROLES) if rule.fault == faults}
