"""What a business may do, and what it is charged, by the rules as they were decided; nothing of billing's own is asked.

Times are those of the business' test clock, amounts US cents. A refused wish changes nothing.
"""

import calendar
from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMITS: dict[str, dict[str, int | None]] = {
    "free": {
        "seats": 2, "records": 1_000, "collections": 5, "storage": 100 * 2**20, "api_calls": 10_000, "jobs_at_once": 4,
        "usage_export": 0,
    },
    "starter": {
        "seats": 5, "records": 20_000, "collections": 20, "storage": 2 * 2**30, "api_calls": 200_000,
        "jobs_at_once": 8, "usage_export": 0,
    },
    "growth": {
        "seats": 20, "records": 250_000, "collections": 100, "storage": 20 * 2**30, "api_calls": 2_000_000,
        "jobs_at_once": 16, "usage_export": 1,
    },
    "scale": {
        "seats": 100, "records": 5_000_000, "collections": None, "storage": 200 * 2**30, "api_calls": 20_000_000,
        "jobs_at_once": 32, "usage_export": 1,
    },
}  # fmt: skip
PRICES = {
    ("starter", "month"): (1_900, 400), ("starter", "year"): (19_000, 4_000),
    ("growth", "month"): (7_900, 600), ("growth", "year"): (79_000, 6_000),
    ("scale", "month"): (29_900, 800), ("scale", "year"): (299_000, 8_000),
}  # fmt: skip
_MONTHS = {"month": 1, "year": 12}
_STEPS = [(60, "cancelled"), (28, "suspended"), (14, "read_only"), (0, "past_due")]  # days since a payment failed


@dataclass
class Paid:
    """A subscription."""

    plan: str
    interval: str
    anchor: datetime  # from which its periods are counted
    seats: int  # beyond the included ones, as the next renewal charges
    period: int = 0  # its number
    kept: int = 0  # seats that are paid for until the period ends, though nobody is charged for them again
    ends: bool = False  # with the period
    then: tuple[str, str] | None = None  # the plan and interval from the period's end on
    overdue: datetime | None = None  # since when

    @property
    def end(self) -> datetime:
        return months_after(self.anchor, (self.period + 1) * _MONTHS[self.interval])

    @property
    def usable(self) -> int:
        """Seats beyond the included ones."""
        return max(self.seats, self.kept)

    def renewal(self) -> int:
        plan, seat = PRICES[self.plan, self.interval]
        return plan + self.seats * seat


@dataclass
class Model:
    """One business."""

    now: datetime
    members: int = 1
    card_works: bool = True
    paid: Paid | None = None
    grant: str | None = None
    overrides: dict[str, int | None] = field(default_factory=dict)
    renewals: list[int] = field(default_factory=list)  # what each has asked for

    def plan(self) -> str:
        return self.grant or (self.paid.plan if self.paid else "free")

    def limits(self) -> dict[str, int | None]:
        found = dict(LIMITS[self.plan()])
        if self.paid and not self.grant:
            found["seats"] = included(self.paid.plan) + self.paid.usable
        return found | self.overrides

    def standing(self) -> str:
        if self.paid is None or self.paid.overdue is None:
            return "good"
        days = (self.now - self.paid.overdue) / DAY
        return "past_due" if self.grant else next(name for after, name in _STEPS if days >= after)

    def room(self) -> bool:
        """Whether one more can join."""
        most = self.limits()["seats"]
        return most is None or self.members < most

    def beyond(self, plan: str) -> int:
        return max(self.members - included(plan), 0)

    def subscribe(self, plan: str, interval: str) -> None:
        self.paid = Paid(plan, interval, self.now, self.beyond(plan))

    def comes(self, plan: str, interval: str) -> str:
        """When a change would: "now", "later", or "never" to what one has already."""
        old = self.paid
        assert old
        if (plan, interval) == (old.plan, old.interval):
            return "stays" if old.then else "never"
        before, after = PRICES[old.plan, "month"][0], PRICES[plan, "month"][0]
        dearer = after > before or (after == before and interval == "year")
        return "now" if dearer else "later"

    def upgrade(self, plan: str, interval: str) -> None:
        old = self.paid
        assert old
        seats = self.beyond(plan) if old.usable else 0
        restarts = interval != old.interval
        old.plan, old.interval, old.seats, old.kept, old.then = plan, interval, seats, 0, None
        if restarts:
            old.anchor, old.period = self.now, 0

    def leave(self, people: int) -> None:
        """What is paid for stays usable until the period ends."""
        self.members -= people

    def follow(self) -> None:
        """Each minute: the next renewal charges as many seats as there are people for, of those that are paid for."""
        if self.paid and (needed := min(self.beyond(self.paid.plan), self.paid.usable)) != self.paid.seats:
            self.paid.kept, self.paid.seats = self.paid.usable, needed

    def near(self, at: datetime) -> bool:
        """Whether something happens so near a moment that a second would decide about it."""
        times = []
        if self.paid:
            ends = [months_after(self.paid.anchor, n) for n in range(40)]
            times = [*ends, *(end + HOUR for end in ends)]
            times += [end + HOUR + days * DAY for end in ends for days in (3, 8, 14, 15, 28, 60)]
        return any(abs(at - time) < 2 * HOUR for time in times)

    def advance(self, at: datetime) -> None:
        """Renewals that come by then are charged an hour after their period's end."""
        while self.paid and self.paid.end <= at:
            self._renew(self.paid)
        self.now = at
        if self.paid and self.paid.overdue and at - self.paid.overdue >= 60 * DAY:
            self.paid = None

    def _renew(self, old: Paid) -> None:
        end = old.end
        if old.ends:
            self.paid = None
            return
        old.kept, old.period = 0, old.period + 1
        if old.then:
            (old.plan, old.interval), old.anchor, old.period, old.seats, old.then = old.then, end, 0, 0, None
        self.renewals.append(old.renewal())
        if not self.card_works:
            old.overdue = old.overdue or end + HOUR


def included(plan: str) -> int:
    return LIMITS[plan]["seats"] or 0


def months_after(at: datetime, months: int) -> datetime:
    """On the same day of a month, or on its last where it is shorter."""
    year, month = divmod(at.month - 1 + months, 12)
    year, month = at.year + year, month + 1
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))
