"""What an act of ours comes to by the documentation: on our pages, at Stripe, and in what we write down."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from flask import Flask

from billing.gateway import previews, subscriptions
from billing.offering import sync
from billing.plans import catalog
from saas.core.settings import Settings
from tenants import provisioning
from tests.billing.golden.acting import accept, act, agree, ask, same_as_billed
from tests.billing.golden.cases import ALL
from tests.billing.golden.model import Case, Change, Invoiced, Step, moment
from tests.billing.golden.ours import Ours
from tests.billing.golden.selling import catalogue as sold
from tests.support.database import application, empty_database, migrate
from tests.support.payments import Stripe
from tests.support.people import Person

CASES = [case for case in ALL if case.platform]
(_UP_IN_MARCH,) = (case for case in CASES if case.id == "up_in_a_month_of_31_days")
_UP = next(
    (one, two) for one, two in pairwise(_UP_IN_MARCH.steps) if isinstance(one, Change) and isinstance(two, Invoiced)
)


@pytest.fixture(scope="module")
def app(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """With a database and a key of its own, since the plans of others' tests are not those of the cases."""
    own = empty_database(request.config, settings)
    with application(own, stripe_secret_key=f"{settings.stripe_secret_key}platform") as made:
        migrate(made)
        with made.app_context():
            provisioning.refill()
        yield made


@pytest.fixture(scope="module")
def catalogue(app: Flask) -> Iterator[list[str]]:
    """That of the cases, brought to Stripe once for all of them."""
    plans = sold(CASES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "every", lambda: plans)
        with app.app_context():
            done = list(sync.sync())
        yield done


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_platform_comes_to_the_same(app: Flask, stripe: Stripe, owner: Person, case: Case) -> None:
    _play(case.steps, Ours(case, app, stripe, owner))


def test_an_offer_that_is_counted_from_another_moment_is_found(thought: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    change, told = _UP
    agree(told, ask(change.items, thought))
    preview = previews.preview
    monkeypatch.setattr(previews, "preview", lambda id_, wanted, **more: preview(id_, replace(wanted, at=None), **more))
    careless = ask(change.items, thought)
    with pytest.raises(AssertionError, match=r"offered total: 135[0-4], not 1355"):
        agree(told, careless)


def test_a_charge_that_is_counted_from_another_moment_is_found(thought: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    change, told = _UP
    offer = ask(change.items, thought)
    agree(told, offer)
    make = subscriptions.change
    monkeypatch.setattr(
        subscriptions, "change", lambda id_, wanted, **more: make(id_, replace(wanted, at=None), **more)
    )
    accept(offer, thought)
    thought.hear()
    with pytest.raises(AssertionError, match=r"total: 135[0-4], not 1355"):
        act(told, thought, None)


def test_an_amount_that_is_wrong_by_one_is_found_in_the_offer_and_in_our_books(thought: Ours) -> None:
    change, told = _UP
    offer = ask(change.items, thought)
    accept(offer, thought)
    thought.hear()
    act(told, thought, None)
    for wrong in (replace(told, lines=(-859, 2214)), replace(told, total=1354), replace(told, discount=1)):
        with pytest.raises(AssertionError, match="offered"):
            agree(wrong, offer)
    for wrong in (replace(told, lines=(-858, 2214)), replace(told, total=1354), replace(told, discount=1)):
        with pytest.raises(AssertionError, match="our"):
            same_as_billed(wrong, thought)


@pytest.fixture
def thought(app: Flask, stripe: Stripe, owner: Person) -> Ours:
    """Somebody looks at a larger plan, and thinks for so long that Stripe's clock is ahead of what we know."""
    change, _told = _UP
    made = Ours(_UP_IN_MARCH, app, stripe, owner)
    _play(_UP_IN_MARCH.steps[:1], made)
    made.reach(moment(change.at))
    made.advance(moment(change.at) + 45 * 60)
    return made


def _play(steps: Sequence[Step], ours: Ours) -> None:
    for number, (step, following) in enumerate(zip(steps, (*steps[1:], None), strict=True), 1):
        try:
            act(step, ours, following)
        except Exception as wrong:
            wrong.add_note(f"step {number}, {step}\n{ours.case.working}\n{ours.case.url}")
            raise
