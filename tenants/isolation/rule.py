"""One thing that the database, or the pooler in front of it, has to enforce."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that has to be so."""

    name: str
    kept: str  # a sentence for each of the two cases
    broken: str
    mend: str  # in words; in it and in `sql`, `{login}`, `{literal}` (the same), `{database}` and its `{owner}`
    sql: str = ""  # what to say to PostgreSQL, where that is all
    holds: str | None = None
    fault: bool = False
