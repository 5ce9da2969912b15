"""Lives of customers, played once at Stripe: however their events come, they end as they do in order.

A life is played by a clock of its own. Then its events are delivered, again and again, to a workspace that has seen
none of them, each time in another way; `FREEHOLD_SEED` repeats a run.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import stripe as package
from flask import Flask

from billing.gateway import parsing, payers
from billing.gateway.objects import Payment
from billing.inbox import kinds
from billing.inbox.kinds import About, Fetched
from tests.billing.stories import remembering
from tests.billing.stories.delivering import LOST, Place, State, Story, differing, envelope
from tests.billing.stories.playing import Life, recorded
from tests.billing.stories.remembering import Remembering
from tests.billing.stories.scripts import IN_SHORT, SCRIPTS
from tests.support import counts, database
from tests.support.people import sign_up
from tests.support.standin import Shop

Tell = Callable[[str], tuple[Story, State]]

NAMES = list(SCRIPTS) if counts.FULL else IN_SHORT
RUNS = -(-1_000 // len(NAMES)) if counts.FULL else 6  # of each life
CONTROLS = 3
SHARES = (0.0, LOST, 0.5)  # of the events that never come


@pytest.fixture(scope="module")
def asked(app: Flask, catalogue: list[str]) -> Iterator[Remembering]:
    """What the application asks Stripe."""
    with remembering.installed(app) as made:
        yield made


@pytest.fixture(scope="module")
def place(app: Flask, asked: Remembering) -> Place:
    return Place(app, sign_up(app, database.browser(app)).tenant)


@pytest.fixture(scope="module")
def tell(app: Flask, place: Place, asked: Remembering) -> Tell:
    """A life by its name, played when it is asked for first, with how it ends when its events come in order."""
    settings = app.extensions["freehold.settings"]
    shop = Shop(settings.stripe_api_url or "https://api.stripe.com", settings.stripe_secret_key or "")
    known: dict[str, tuple[Story, State]] = {}

    def told(name: str) -> tuple[Story, State]:
        if name not in known:
            life = Life(shop)
            life.play(SCRIPTS[name])
            # Those of types that lead to nothing would cost time and no more.
            events = [one for one in recorded(shop, life.id, life.clock) if not kinds.ignored(one["type"])]
            story = Story(name, life.id, [envelope(event) for event in events])
            known[name] = story, place.in_order(story)
        return known[name]

    return told


@pytest.fixture
def chance() -> random.Random:
    print(f"FREEHOLD_SEED={counts.SEED}")
    return random.Random(counts.SEED)


def test_there_are_thirty_lives_at_least() -> None:
    assert len(SCRIPTS) >= 30
    assert set(IN_SHORT) <= set(SCRIPTS)


@pytest.mark.parametrize("name", NAMES)
def test_tripled_shuffled_ten_at_once_and_with_some_lost_they_end_as_in_order(
    tell: Tell, place: Place, asked: Remembering, chance: random.Random, name: str
) -> None:
    story, wanted = tell(name)
    asked.on = True
    for number in range(RUNS):
        found = place.shaken(story, chance, lost_share=SHARES[number % len(SHARES)])
        assert found == wanted, f"run {number}: {differing(found, wanted)}"


@pytest.mark.parametrize("name", [NAMES[0]])
def test_what_is_remembered_is_what_stripe_says(
    tell: Tell, place: Place, asked: Remembering, chance: random.Random, name: str
) -> None:
    """One run asks each time anew."""
    story, wanted = tell(name)
    asked.on = False
    assert place.shaken(story, chance) == wanted


def test_control_without_asking_again_the_order_decides(
    tell: Tell, place: Place, chance: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the events say is believed: the last that comes wins."""
    monkeypatch.setattr(kinds, "fetch", believed)
    differ: Counter[str] = Counter()
    for name in NAMES[:2]:
        story, _ = tell(name)
        wanted = place.in_order(story)
        differ[name] = sum(place.shaken(story, chance, lost_share=0) != wanted for _ in range(CONTROLS))
    print(f"of {CONTROLS} runs each ended otherwise: {dict(differ)}")
    assert differ.total()


def test_control_what_is_lost_and_not_reconciled_is_missing(
    tell: Tell, place: Place, asked: Remembering, chance: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Place, "reconcile", lambda _place: None)
    story, wanted = tell(NAMES[0])
    asked.on = True
    assert any(place.shaken(story, chance, lost_share=0.8) != wanted for _ in range(CONTROLS))


def believed(what: About) -> Fetched:
    """As if an event's body were what holds now."""
    shown = dict(what.object)
    made = package.convert_to_stripe_object(shown)
    match shown.get("object"):
        case "subscription":
            return Fetched(what.asked_at, (parsing.subscription(made),))
        case "invoice" if shown.get("id"):
            return Fetched(what.asked_at, (parsing.invoice(made, Payment()),))
        case "customer":
            return Fetched(what.asked_at, (payers.state(made),))
    return Fetched(what.asked_at, needed=False)
