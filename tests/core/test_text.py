"""Which text is fit to be stored."""

import pytest

from saas.core.ids import uuid7
from saas.core.text import fault, one_line
from saas.core.tokens import digest, new


@pytest.mark.parametrize(
    "text", ["", "plain", "tab\tand\nline", "ü 東京 \N{PILE OF POO}", "\u200d", "'; DROP TABLE x; --"]
)
def test_text_that_can_be_shown_is_fine(text: str) -> None:
    assert fault(text) is None


@pytest.mark.parametrize("number", [0, 1, 0x08, 0x0B, 0x1B, 0x7F, 0xD800, 0xDFFF, 0xFFFD, 0xFFFF])
def test_what_cannot_be_shown_is_a_fault(number: int) -> None:
    assert (fault(f"before{chr(number)}after") or "").startswith("Remove the characters")


def test_one_line_is_composed_and_has_single_spaces() -> None:
    assert one_line(" Cafe\u0301 \t Müller\u2028&\u00a0Co\n", 80) == "Café Müller & Co"


def test_what_is_far_too_long_is_not_composed_but_left_to_be_refused() -> None:
    """Composing a hostile text takes time by the square of its length."""
    hostile = "a" + "\u0315\u0300" * 200_000
    assert one_line(hostile, 80) is hostile


def test_identifiers_sort_by_the_time_they_were_made() -> None:
    made = [uuid7() for _ in range(200)]
    assert [one.int >> 80 for one in made] == sorted(one.int >> 80 for one in made)
    assert len(set(made)) == len(made)
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}


def test_secrets_are_long_and_their_digests_take_any_text() -> None:
    assert len({new() for _ in range(100)}) == 100
    assert len(new()) == 43
    assert len(digest("\ud800 \0 ü")) == 32
