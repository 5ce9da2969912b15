"""The guard's second look, where one role reads every tenant's tables: a statement names no schema but the platform's.

The guard has made sure by then that this is one plain statement, and refused the ids of tenants in whatever spelling.
What is left is a schema by another name, say one that was restored beside the first. SQL writes a schema as it writes
an alias, so `a.b` is judged by its place:

- where a clause lists relations (behind FROM, JOIN, USING, INTO, UPDATE, TABLE), no schema but the platform's passes;
- elsewhere `a` has to be a relation or an alias of this statement, and `a.b` has to stand where a column can: not
  where a function, a type, an operator or a collation could be meant.

Only words that PostgreSQL reserves (manual, appendix C) end a list of relations, since an alias can be called by any
other. Where this and PostgreSQL might understand a text differently, it is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from tenants.isolation import guard
from tenants.isolation.errors import StatementRefused
from tenants.isolation.items import EDGE, Item, items

Place = Literal["terms", "relations", "target", "condition"]

_PLATFORM = "platform"
_TENANT = re.compile(r"t_[a-z2-7]{16}", re.IGNORECASE)
_LISTS_RELATIONS = {"from", "join", "using", "table", "only", "tablesample"}
_ENDS_RELATIONS = {"select", "where", "group", "having", "window", "order", "limit", "offset", "fetch", "for", "union",
                   "intersect", "except", "returning"}  # fmt: skip
_ENDS_TARGET = {"set", "values"}
_OPENS_RELATIONS = {*_LISTS_RELATIONS, "lateral", "(", ","}
_BEFORE_A_VERB = {"(", ")", "do", "for", "key", "then"}  # where UPDATE isn't what somebody called a column
_HAVE_A_FROM = {"extract", "substring", "trim", "overlay"}  # among their arguments
_BEFORE_A_COLUMN = {"select", "distinct", "all", "where", "and", "or", "not", "on", "by", "having", "case", "when",
                    "then", "else", "between", "symmetric", "like", "ilike", "to", "escape", "in", "from", "for",
                    "placing", "both", "leading", "trailing", "variadic", "zone", "returning", "limit",
                    "offset"}  # fmt: skip
_ALWAYS_ALIASES = {"excluded", "old", "new"}


def check(statement: str) -> None:
    """Raise StatementRefused if a statement that the guard lets through could mean another tenant's schema."""
    verdict = _verdict if len(statement) <= guard.LONGEST_REMEMBERED else _verdict.__wrapped__
    if reason := verdict(statement):
        raise StatementRefused(reason)


@lru_cache(maxsize=4096)
def _verdict(statement: str) -> str | None:
    try:
        _Reader([EDGE, *items(list(guard.scan(statement))), EDGE]).read()
    except StatementRefused as refused:
        return str(refused)
    return None


@dataclass(slots=True)
class _Level:
    """What lies between two brackets."""

    opener: str = ""  # the word in front of them
    place: Place = "terms"


class _Reader:
    def __init__(self, statement: Sequence[Item]) -> None:
        self.items = statement
        self.levels = [_Level()]
        self.closed = ""  # the word in front of the last brackets
        self.aliases = set(_ALWAYS_ALIASES)
        self.heads: set[str] = set()

    def read(self) -> None:
        for number in range(1, len(self.items) - 1):
            item = self.items[number]
            if item.kind == "string" and _TENANT.search(item.parts[0]):
                raise StatementRefused("a text that holds a tenant's id is out of a tenant's reach")
            if item.kind == "sign":
                self._sign(number)
            elif len(item.parts) > 1:
                self._qualified(number)
            elif item.kind in {"word", "name"}:
                self._word(number)
        if unknown := self.heads - self.aliases:
            raise StatementRefused(f"{min(unknown)} is neither a relation nor an alias of this statement")

    @property
    def level(self) -> _Level:
        return self.levels[-1]

    def _sign(self, number: int) -> None:
        sign = self.items[number].text
        if sign in {"(", "["}:
            before = self.items[number - 1].text
            relations = self.level.place in {"relations", "target"} and before in _OPENS_RELATIONS
            self.levels.append(_Level(before, "relations" if relations else "terms"))
        elif sign in {")", "]"}:
            self.closed = self.levels.pop().opener
            if not self.levels:
                raise StatementRefused("a bracket that was not opened")
        elif sign == "," and self.level.place != "terms":
            self.level.place = "relations"

    def _word(self, number: int) -> None:
        item, before = self.items[number], self.items[number - 1]
        level, word = self.level, item.text
        if level.place in {"relations", "target"} or before.text == "as":
            self.aliases.add(item.parts[0])
        if word == "select":
            level.opener = ""  # not a function's arguments, but INSERT INTO trim (SELECT …)
        if word == "from" and (level.opener in _HAVE_A_FROM or self._compares(number)):
            return
        if word in _LISTS_RELATIONS:
            level.place = "relations"
        elif word == "into" or (word == "update" and (before is EDGE or before.text in _BEFORE_A_VERB)):
            level.place = "target"
        elif word in _ENDS_RELATIONS or (word in _ENDS_TARGET and level.place == "target"):
            level.place = "terms"
        elif word == "on" and level.place == "relations":
            level.place = "condition"

    def _compares(self, number: int) -> bool:
        """Whether this FROM belongs to IS DISTINCT FROM."""
        words = [item.text for item in self.items[max(number - 3, 0) : number]]
        return words[-2:] == ["is", "distinct"] or words == ["is", "not", "distinct"]

    def _qualified(self, number: int) -> None:
        head, *rest = self.items[number].parts
        listed = self.level.place in {"relations", "target"}
        # The database may be called like this too: `platform.side.products` is of another schema.
        if head == _PLATFORM and (len(rest) == 1 or (not listed and self._may_be_column(number))):
            if listed:
                self.aliases.add(rest[0])
        elif listed or len(rest) > 1:
            raise StatementRefused(f"{head} is a schema, and a tenant's statement names none")
        elif not self._may_be_column(number):
            raise StatementRefused(f"{head} may be a schema here, and a tenant's statement names none")
        elif self.items[number + 1].text != "(":  # which the guard has found among the functions that are listed
            self.heads.add(head)

    def _may_be_column(self, number: int) -> bool:
        before, after = self.items[number - 1], self.items[number + 1]
        if after.kind == "string" or self.level.opener == "operator":
            return False  # a constant of a type, an operator
        if before.text == "returning" and self.level.opener.startswith("json"):
            return False  # a type
        if before.kind == "sign" and before.text not in {")", "]"}:
            return (self.items[number - 2].text, before.text) != (":", ":")
        return before.text in _BEFORE_A_COLUMN or (before.text == ")" and self.closed == "on")
