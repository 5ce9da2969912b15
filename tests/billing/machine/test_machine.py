"""A business that pays, in any order of steps: what it may do, and what it is charged, is what the rules say.

Hypothesis makes up the steps and how we hear of them; `model` says what they come to. Each control takes one rule away,
which some steps must then show.
"""

from collections.abc import Callable
from types import SimpleNamespace
from zlib import crc32

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as options
from hypothesis.stateful import run_state_machine_as_test

from billing.entitlement import access, entitlements
from billing.ledger import AccessChange
from billing.mirrored import mirror
from billing.models import Subscription
from saas.core.database import db
from tests.billing.machine.machine import Payments
from tests.billing.machine.model import PRICES
from tests.support import counts
from tests.support.payments import Stripe

EXAMPLES, STEPS = (80, 25) if counts.FULL else (8, 14)
TRIES = 30  # of a control

Tell = Callable[[str, object], None]


def run(app: Flask, stripe: Stripe, examples: int, phases: list[Phase]) -> type[Payments]:
    print(f"seed {counts.SEED} (FREEHOLD_SEED)")
    made = type("Payments", (Payments,), {"app": app, "stripe": stripe, "steps": 0, "seen": set()})
    chosen = options(
        max_examples=examples,
        stateful_step_count=STEPS,
        phases=phases,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(crc32(counts.SEED.encode()))(made), settings=chosen)
    return made


def test_whatever_a_business_does_it_may_do_what_it_pays_for_and_pays_it_once(
    app: Flask, stripe: Stripe, record_property: Tell
) -> None:
    made = run(app, stripe, EXAMPLES, [Phase.generate, Phase.shrink] if counts.FULL else [Phase.generate])
    print(f"steps: {made.steps}; {', '.join(sorted(made.seen))}")
    record_property("tried", made.steps)
    assert made.steps > EXAMPLES


def keep_what_was_had(patch: pytest.MonkeyPatch) -> None:
    """Nothing is settled when less is paid for."""
    sound, worth = access.effective, {"free": 0} | {plan: price for (plan, _), (price, _) in PRICES.items()}

    def generous(tenant: str) -> access.Access:
        found, before = sound(tenant), entitlements.lock(tenant)
        if before and worth[before.plan] > worth[found.plan.code]:
            raise access.UnknownVersion
        return found

    patch.setattr(access, "effective", generous)


def forget_the_seats_that_are_paid_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(access, "seats_of", lambda subscription, _now: subscription.seats)


def give_no_reason(patch: pytest.MonkeyPatch) -> None:
    sound = db.session.add

    def add(row: object) -> None:
        if not (isinstance(row, AccessChange) and row.source != "sign-up"):
            sound(row)

    patch.setattr(db.session, "add", add)


def pay_without_end(patch: pytest.MonkeyPatch) -> None:
    """Whoever owes money is never asked for it."""
    patch.setattr("billing.entitlement.dunning.standing", lambda _subscription, _now: "good")


def sell_twice(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether there is a subscription already."""

    def none(_tenant: str) -> Subscription | None:
        return None

    theirs = SimpleNamespace(**{**vars(mirror), "live_subscription_of": none})
    patch.setattr("billing.acting.checkout.mirror", theirs)  # and nobody else's


FAULTS = {
    "what was had is kept": keep_what_was_had,
    "there is no reason": give_no_reason,
    "seats that are paid for are forgotten": forget_the_seats_that_are_paid_for,
    "nothing follows from a failed payment": pay_without_end,
    "a plan is sold twice": sell_twice,
}
NAMES = list(FAULTS) if counts.FULL else list(FAULTS)[:2]


@pytest.mark.parametrize("name", NAMES)
def test_control_some_steps_show_that_a_rule_is_missing(
    app: Flask, stripe: Stripe, monkeypatch: pytest.MonkeyPatch, name: str, record_property: Tell
) -> None:
    FAULTS[name](monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception, LookupError)):
        run(app, stripe, TRIES, [Phase.generate])
    record_property("control leaked", 1)
