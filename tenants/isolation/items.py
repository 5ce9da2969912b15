"""A statement's tokens read as words and names: `a.b.c` is one item, whatever its parts are called."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from tenants.isolation.errors import StatementRefused

Token = tuple[str, str]  # kind and text, as the guard's scanner has them

_NAMES = {"word", "quoted"}
_DOT = ("sign", ".")
_STAR = ("sign", "*")


class Item(NamedTuple):
    kind: Literal["word", "name", "sign", "string", "other"]  # a word may be a keyword, a name is none
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """What a word or a sign says; empty for all else, which can't be a keyword."""
        return self.parts[0] if self.kind in {"word", "sign"} else ""


EDGE = Item("sign", ("",))  # before the first and behind the last


def items(tokens: Sequence[Token]) -> Iterator[Item]:
    """What stands behind AS or a dot is a name. Raises StatementRefused for a dot without a name behind it."""
    position, before = 0, EDGE
    while position < len(tokens):
        kind, text = tokens[position]
        fields: list[str] = []
        if kind in _NAMES or text in {")", "]"}:
            fields = list(_behind_dots(tokens, position + 1))
        before = _item(kind, text, fields, label=before.text == "as")
        yield before
        position += 1 + 2 * len(fields)


def _item(kind: str, text: str, fields: list[str], *, label: bool) -> Item:
    if kind in _NAMES:
        return Item("word" if kind == "word" and not fields and not label else "name", (text, *fields))
    if kind == "sign" or text == "%%":
        return Item("sign", (text,))  # the fields behind a bracket are a row's, and no schema's
    return Item("string" if kind == "string" else "other", (text,))


def _behind_dots(tokens: Sequence[Token], position: int) -> Iterator[str]:
    while position < len(tokens) and tokens[position] == _DOT:
        name = tokens[position + 1] if position + 1 < len(tokens) else ("", "")
        if name[0] not in _NAMES and name != _STAR:
            raise StatementRefused("a dot without a name behind it")
        yield name[1]
        position += 2
