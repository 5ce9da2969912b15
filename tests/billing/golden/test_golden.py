"""What Stripe's documentation says an invoice comes to is what it comes to."""

from dataclasses import replace
from typing import Any

import pytest
import stripe

from tests.billing.golden.cases import ALL
from tests.billing.golden.looking import look
from tests.billing.golden.model import Case, Finding, Invoiced
from tests.billing.golden.playing import do
from tests.billing.golden.stage import Stage


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_it_comes_to_what_the_page_says(client: stripe.StripeClient, case: Case) -> None:
    _play(client, case)


def test_an_amount_that_is_wrong_by_one_is_found(client: stripe.StripeClient) -> None:
    (case,) = (case for case in ALL if case.id == "tax_on_top_of_a_larger_plan")
    told = case.steps[-1]
    assert isinstance(told, Invoiced)
    (credit, debit), tax, total = told.lines, told.tax, told.total
    wrong: list[dict[str, Any]] = [
        {"lines": (credit - 1, debit + 1)},
        {"tax": tax + 1},
        {"total": total + 1},
        {"discount": 1},
        {"due": 0},
    ]
    for each in wrong:
        with pytest.raises(AssertionError):
            _play(client, replace(case, steps=(*case.steps[:-1], replace(told, **each))))


def _play(client: stripe.StripeClient, case: Case) -> None:
    stage = Stage(client, case)
    for number, step in enumerate(case.steps, 1):
        try:
            look(step, stage) if isinstance(step, Finding) else do(step, stage)
        except (AssertionError, stripe.StripeError) as wrong:
            wrong.add_note(f"step {number}, {step}\n{case.working}\n{case.url}")
            raise
    stage.close()
