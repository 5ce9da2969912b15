"""The steps, and what they must come to."""

from contextlib import suppress
from http import HTTPStatus
from random import Random
from typing import Any, ClassVar

import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from billing.acting import changing, seats, service
from billing.entitlement import grants, overrides
from billing.errors import AlreadySubscribed, CardDeclined, Ending, NoSubscription, PayFirst, SamePlan
from billing.plans import catalog
from tenants.errors import LimitReached
from tests.billing.machine.business import ACTOR, WAYS, WHO, Business, opened
from tests.billing.machine.model import DAY, HOUR, LIMITS, Model
from tests.support.payments import Stripe, pay

PLANS, INTERVALS = st.sampled_from(["starter", "growth", "scale"]), st.sampled_from(["month", "month", "year"])
BOUGHT = st.sampled_from(["starter", "scale"])  # which have no trial
HEARD = {"way": st.sampled_from(WAYS), "dice": st.randoms(use_true_random=False)}


def paying(machine: "Payments") -> bool:
    return machine.model.paid is not None


def owing(machine: "Payments") -> bool:
    return bool(machine.model.paid and machine.model.paid.overdue)


class Payments(RuleBasedStateMachine):
    """What one business does, in any order, and how we hear of it."""

    app: ClassVar[Flask]
    stripe: ClassVar[Stripe]
    steps: ClassVar[int] = 0
    seen: ClassVar[set[str]] = set()  # what has happened at all

    @initialize(plan=BOUGHT, interval=INTERVALS, **HEARD)
    def begin(self, plan: str, interval: str, way: str, dice: Random) -> None:
        """On the payment page."""
        self.business: Business = opened(self.app, self.stripe)
        self.model = Model(self.business.now)
        self.check()
        assert pay(self.business.choose(plan, interval)).status_code == HTTPStatus.SEE_OTHER
        self.model.subscribe(plan, interval)
        self.heard("subscribe", way, dice)

    @precondition(lambda self: self.model.paid is None)
    @rule(plan=BOUGHT, interval=INTERVALS, **HEARD)
    def return_(self, plan: str, interval: str, way: str, dice: Random) -> None:
        if not self.model.card_works:
            self.business.card("pm_card_visa")
            self.model.card_works = True
        self.business.subscribe(plan, interval, self.model.beyond(plan))
        self.model.subscribe(plan, interval)
        self.heard("return", way, dice)

    @precondition(paying)
    @rule(plan=PLANS, interval=INTERVALS)
    def choose_again(self, plan: str, interval: str) -> None:
        """The page of before, in another tab: at most it leads to where the payment shows that was made."""
        with suppress(AlreadySubscribed):
            assert self.business.choose(plan, interval).startswith(self.business.home)
        self.done("choose again")

    @precondition(paying)
    @rule(plan=PLANS, interval=INTERVALS, **HEARD)
    def change(self, plan: str, interval: str, way: str, dice: Random) -> None:
        old, when = self.model.paid, self.model.comes(plan, interval)
        assert old
        if when == "now" and (old.interval, interval) == ("year", "month"):  # what is left of a year pays for months
            return
        refused = self._refused(when)
        price, act = catalog.price(plan, interval), changing.change_plan
        if refused:
            with pytest.raises(refused):
                self.business.do(act, self.business.tenant, price, **WHO)
            self.heard(f"change {when}: {refused.__name__}", way, dice)
            return
        self.business.do(act, self.business.tenant, price, **WHO)
        if when == "now":
            self.model.upgrade(plan, interval)
        else:
            old.then = (plan, interval) if when == "later" else None
        self.heard(f"change {when}", way, dice)

    def _refused(self, when: str) -> type[Exception] | None:
        if when == "never":
            return SamePlan
        if self.model.paid and self.model.paid.ends:  # whoever has cancelled resumes first
            return Ending
        if when == "now" and owing(self):
            return PayFirst
        return CardDeclined if when == "now" and not self.model.card_works else None

    @precondition(paying)
    @rule(extra=st.integers(1, 4), **HEARD)
    def buy_seats(self, extra: int, way: str, dice: Random) -> None:
        old = self.model.paid
        assert old
        refused: type[Exception] | None = None
        if extra > old.seats and owing(self):
            refused = PayFirst
        elif extra > old.usable and not self.model.card_works:
            refused = CardDeclined
        if refused:
            with pytest.raises(refused):
                self.business.do(seats.buy, self.business.tenant, extra, **ACTOR)
        else:
            self.business.do(seats.buy, self.business.tenant, extra, **ACTOR)
            old.seats = max(old.seats, extra)
        self.heard(f"buy seats: {refused.__name__}" if refused else "buy seats", way, dice)

    @rule(people=st.integers(1, 4))
    def join(self, people: int) -> None:
        """As many as there is room for, and then one more, who is not let in."""
        for _ in range(people):
            if self.model.room():
                self.business.join()
                self.model.members += 1
        if not self.model.room():
            with pytest.raises(LimitReached):
                self.business.join()
        self.done("join")

    @precondition(lambda self: self.model.members > 1)
    @rule(people=st.integers(1, 4), **HEARD)
    def leave(self, people: int, way: str, dice: Random) -> None:
        self.model.leave(min(people, self.model.members - 1))
        self.business.people(self.model.members)
        self.heard("leave", way, dice)

    @precondition(lambda self: paying(self) and self.model.card_works)
    @rule(**HEARD)
    def card_stops_working(self, way: str, dice: Random) -> None:
        self.business.card("pm_card_chargeCustomerFail")
        self.model.card_works = False
        self.heard("card stops working", way, dice)

    @precondition(lambda self: paying(self) and not self.model.card_works)
    @rule(**HEARD)
    def payment_fails(self, way: str, dice: Random) -> None:
        """The next month comes, and cannot be charged; by chance alone that hardly ever happens."""
        self.wait(35, way, dice)

    @precondition(owing)
    @rule(**HEARD)
    def try_to_pay(self, way: str, dice: Random) -> None:
        assert self.business.pay()
        self.heard("try to pay", way, dice)

    @precondition(lambda self: paying(self) and not self.model.card_works)
    @rule(**HEARD)
    def pay(self, way: str, dice: Random) -> None:
        """With another card, all that is open."""
        assert self.model.paid
        self.business.card("pm_card_visa")
        assert not self.business.pay()
        self.model.card_works, self.model.paid.overdue = True, None
        self.heard("pay", way, dice)

    @precondition(paying)
    @rule(now=st.sampled_from([False, False, True]), **HEARD)
    def cancel(self, now: bool, way: str, dice: Random) -> None:
        assert self.model.paid
        self.business.do(service.cancel, self.business.tenant, at_period_end=not now, **WHO)
        self.model.paid.ends, self.model.paid.then = True, None
        if now:
            self.model.paid = None
        self.heard("cancel now" if now else "cancel", way, dice)

    @precondition(lambda self: paying(self) and self.model.paid.ends)
    @rule(**HEARD)
    def resume(self, way: str, dice: Random) -> None:
        assert self.model.paid
        self.business.do(service.resume, self.business.tenant, **WHO)
        self.model.paid.ends = False
        self.heard("resume", way, dice)

    @rule(limit=st.sampled_from(["records", "seats"]), value=st.sampled_from([0, 3, 50_000, None]))
    def override(self, limit: str, value: int | None) -> None:
        """A limit of its own; the same one again ends it."""
        tenant, theirs = self.business.tenant, self.model.overrides
        if limit in theirs:
            self.business.do(overrides.end_override, tenant, limit, **WHO)
            del theirs[limit]
        else:
            self.business.do(overrides.override, tenant, limit, value, None, **WHO)
            theirs[limit] = value
        self.done("override" if limit in theirs else "end override")

    @rule(plan=PLANS)
    def grant(self, plan: str) -> None:
        """A plan for nothing; the next one ends it."""
        if self.model.grant:
            self.business.do(grants.end_grant, self.business.tenant, **WHO)
            self.model.grant = None
        else:
            self.business.do(grants.grant, self.business.tenant, plan, None, **WHO)
            self.model.grant = plan
        self.done("grant" if self.model.grant else "end grant")

    @rule(days=st.sampled_from([1, 5, 16, 32, 35]), **HEARD)
    def wait(self, days: int, way: str, dice: Random) -> None:
        at = self.model.now + days * DAY
        while self.model.near(at):
            at += HOUR
        before = self.model.paid and self.model.paid.then
        self.business.reach(at)
        self.model.advance(at)
        after = self.model.paid and self.model.paid.then
        self.heard("wait, and a planned change comes" if before and not after else "wait", way, dice)

    @precondition(lambda self: self.model.paid is None)
    @rule()
    def change_nothing(self) -> None:
        with pytest.raises(NoSubscription):
            self.business.do(service.resume, self.business.tenant, **WHO)
        self.done("change nothing")

    def heard(self, what: str, way: str, dice: Random) -> None:
        """What somebody has done holds before any event has come; then all that has come of it."""
        self.business.deliver(way, dice)
        self.business.follow(self.model.members)
        self.model.follow()
        self.check_money()
        self.done(what)

    def done(self, what: str) -> None:
        type(self).steps += 1
        self.seen.add(what)
        self.check()

    def check(self) -> None:
        model, row, changes = self.model, self.business.row(), self.business.changes()
        wanted = {"plan": model.plan(), "standing": model.standing(), "limits": model.limits()}
        found = row | {"limits": {name: row["limits"].get(name, LIMITS["free"][name]) for name in LIMITS["free"]}}
        assert {name: found[name] for name in wanted} == wanted
        assert changes[-1].after == row, "there is no reason for what they may do"
        assert [change.before for change in changes[1:]] == [change.after for change in changes[:-1]]

    def check_money(self) -> None:
        live = self.business.live_at_stripe()
        assert len(live) == int(self.model.paid is not None), [one.id for one in live]
        charged: dict[str, Any] = self.business.paid_at_stripe()
        assert self.business.paid_here() == charged
        assert self.business.charged_at_stripe() == sum(charged.values())
        assert self.business.renewals() == self.model.renewals
        if self.model.paid:
            self.check_seats(live[0])

    def check_seats(self, subscription: Any) -> None:
        """What the next renewal charges; nobody who was let in as one who pays is without a seat."""
        items = subscription["items"].data
        seats_ = sum(one.quantity for one in items if one.price.product.endswith("_seat"))
        assert self.model.paid
        assert seats_ == self.model.paid.seats
