"""The cases themselves: cited, counted, and adding up."""

import ast
import operator
import re
from collections import Counter
from fractions import Fraction

from tests.billing.golden.cases import ALL, FAMILIES
from tests.billing.golden.model import DOCS, Case, Invoiced

NUMBER = r"[\d,]*\.?\d+"
# A product or sum, what it comes to, and what is charged: see the wrong ones below.
EQUATION = re.compile(rf"(?<![\w.])(-?\(?{NUMBER}[\d .,()*/+%-]*) = (-?{NUMBER})(?: → [-¥]*({NUMBER}))?")
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def test_there_are_more_than_forty_and_each_has_a_name_of_its_own() -> None:
    assert len(ALL) >= 40
    assert [name for name, times in Counter(case.id for case in ALL).items() if times > 1] == []
    assert all(FAMILIES.values())


def test_each_act_of_our_own_has_cases_to_agree_with() -> None:
    acts = Counter(case.platform for case in ALL)
    assert acts.keys() == {"", "upgrade", "interval", "downgrade", "seats", "fewer seats", "trial", "promotion code"}


def test_each_names_its_page_and_shows_its_working() -> None:
    assert [case.id for case in ALL if not re.fullmatch(rf"{DOCS}[a-z-]+(/[a-z_-]+)*([#?].+)?", case.url)] == []
    assert [case.id for case in ALL if not re.search(r"\d.* ", case.working)] == []


def test_the_lines_add_up_to_the_totals() -> None:
    assert [(case.id, told) for case, told in _amounts() if not told.adds_up] == []


def test_each_amount_is_a_whole_number_of_minor_units() -> None:
    assert {type(amount) for _case, told in _amounts() for amount in _of(told)} == {int}


def test_the_workings_are_right() -> None:
    equations = [(case.id, *found) for case in ALL for found in EQUATION.findall(case.working)]
    assert len(equations) > 100
    assert [found for found in equations if not _holds(*found[1:])] == []


def test_a_wrong_working_is_found() -> None:
    for wrong in ("-1900 * 14/31 = -858.07", "-1900 * 14/31 = -858.06 → -859", "1900 * 25 % = 476"):
        ((left, right, rounded),) = EQUATION.findall(wrong)
        assert not _holds(left, right, rounded)


def _amounts() -> list[tuple[Case, Invoiced]]:
    return [(case, told) for case in ALL for told in case.amounts()]


def _of(told: Invoiced) -> tuple[int, ...]:
    return (*told.lines, told.total, told.discount, told.tax, told.included, told.amount_due)


def _holds(left: str, right: str, rounded: str) -> bool:
    """Is it so to the decimals that are shown, and rounded half up to what is charged?"""
    value, shown = _value(left), right.replace(",", "")
    decimals = len(shown.partition(".")[2])
    if abs(value - Fraction(shown)) > Fraction(1, 2 * 10**decimals):
        return False
    return not rounded or int(abs(value) + Fraction(1, 2)) == int(rounded.replace(",", ""))


def _value(told: str) -> Fraction:
    return _of_node(ast.parse(told.replace(",", "").replace(" %", "/100").strip(), mode="eval").body)


def _of_node(node: ast.expr) -> Fraction:
    if isinstance(node, ast.BinOp):
        return Fraction(OPERATORS[type(node.op)](_of_node(node.left), _of_node(node.right)))
    if isinstance(node, ast.UnaryOp):
        return -_of_node(node.operand)
    return Fraction(ast.unparse(node))
