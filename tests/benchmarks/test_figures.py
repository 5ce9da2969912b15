"""Bars, and the exit status that follows from them."""

import math

import pytest

from benchmarks.figures import AtLeast, AtMost, Figure, Result


@pytest.mark.parametrize(
    ("value", "bar", "holds"),
    [
        (1.14, AtMost(1.15), True),
        (1.15, AtMost(1.15), True),
        (1.1501, AtMost(1.15), False),
        (5.0, AtLeast(5), True),
        (4.9, AtLeast(5), False),
        (math.nan, AtMost(1.15), False),
        (math.nan, AtLeast(5), False),
        (9.0, None, None),
    ],
)
def test_a_bar_holds_by_its_value(value, bar, holds):
    assert Figure("a", value, "ratio", bar).holds is holds


@pytest.mark.parametrize(
    ("values", "status"), [([1.0, 1.0], 0), ([1.0, 3.0], 1), ([3.0, 1.0], 1), ([3.0, 3.0], 1), ([], 0)]
)
def test_one_bar_that_does_not_hold_is_enough_for_status_1(values, status):
    figures = [Figure("for information", 99.0, "ms")]
    figures += [Figure("a", value, "ms", AtMost(2)) for value in values]
    assert Result("x", figures, "").status == status


def test_the_json_object_has_exactly_the_promised_keys():
    figures = [Figure("a", 1.23456, "ratio", AtMost(1.15)), Figure("b", 3, "trips")]
    assert Result("x", figures, "by hand").as_json() == {
        "bench": "x",
        "figures": [
            {"name": "a", "value": 1.2346, "unit": "ratio", "bar": "≤ 1.15", "holds": False},
            {"name": "b", "value": 3, "unit": "trips", "bar": None, "holds": None},
        ],
        "how": "by hand",
    }
