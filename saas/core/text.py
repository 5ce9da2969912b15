"""Text that people and programs send."""

import re
import unicodedata

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffd\ufffe\uffff]")
_SPACE = re.compile(r"\s+")
_GAPS = re.compile(r"[\s-]+")


def fault(value: str) -> str | None:
    """What keeps a text from being stored, or None."""
    if _CONTROL.search(value):
        return "Remove the characters that can't be shown: control characters or broken Unicode."
    return None


def storable(value: str) -> str:
    """What somebody else's program has said, without what a database or a page would refuse."""
    return _CONTROL.sub(" ", value)


def one_line(value: str, longest: int) -> str:
    """The text in composed form (NFC), with single spaces and none around it.

    What is far longer than `longest` stays as it is, to be refused: composing takes time by the square of the length.
    """
    if len(value) > 4 * longest:
        return value
    return _SPACE.sub(" ", unicodedata.normalize("NFC", value)).strip()


def bare(code: str) -> str:
    """A code as it was made, without the spaces and dashes that people read it by."""
    return _GAPS.sub("", code).lower()
