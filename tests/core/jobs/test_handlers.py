"""Every handler in the registry, run twice and twice at the same time, leaves what one run leaves.

Each run begins from a copy of one database and is compared in all its rows, and in what was called outside.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.accounts import codes
from saas.accounts import service as accounts
from saas.core import mail
from saas.core.attempts import Attempts
from saas.core.database import db, transaction
from saas.core.ids import uuid7
from saas.core.jobs import Job, JobState, registry
from saas.core.jobs.registry import Handler
from saas.core.mail import Mail
from saas.core.settings import Settings
from saas.devstack.demo import tasks as demo_tasks
from tenants import isolation, provisioning
from tenants.backend.collections import service as collections
from tenants.backend.collections.design import Collection, Field
from tenants.models import State, Tenant
from tenants.probe import canaries, service
from tenants.usage.models import UsageBatch
from tests.support import billing_jobs, metering_jobs
from tests.support import jobs as _plain  # noqa: F401
from tests.support import worker_jobs as _of_workers  # noqa: F401
from tests.support.killing import jobs as storm_jobs
from tests.support.killing.receiver import Told
from tests.support.payments import Stripe
from tests.support.people import Person, unique
from tests.support.storm import crowd
from tests.support.storm import views as _storm  # noqa: F401
from tests.support.twice import ground as grounds
from tests.support.twice import ways, whole
from tests.support.twice.ground import Ground, Place
from tests.support.twice.ways import Work
from tests.support.twice.whole import Snapshot

Case = Callable[[Person], list[Any]]
Prepare = Callable[[Handler, Case], "Prepared"]
Way = Callable[[Flask, Work], set[str]]
JOB = "the job"
OURS = ("saas.", "tenants.", "billing.", "tests.")  # an added module's are tried in tests/tenants/test_modules_added.py


@pytest.fixture(scope="module")
def ground(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Ground]:
    with grounds.ready(request.config, settings) as made:
        yield made


def deliver(_owner: Person) -> list[Any]:
    with transaction():
        mail.send("welcome", to=f"{unique()}@example.com", url="http://x")
        db.session.flush()
        found = db.session.scalars(sa.select(Mail).order_by(Mail.id.desc()).limit(1)).one()
    return [str(found.id)]


def refill(_owner: Person) -> list[Any]:
    """The pool is under its low mark."""
    spares = sa.select(Tenant.id).where(Tenant.state == State.SPARE)
    with transaction():
        for number, id_ in enumerate(db.session.scalars(spares).all()):
            taken = {"state": State.ACTIVE, "name": "B", "address": f"taken-{number}-{unique()}"}
            db.session.execute(sa.update(Tenant).where(Tenant.id == id_).values(opened_at=sa.func.now(), **taken))
    return []


def provision(_owner: Person) -> list[Any]:
    with transaction():
        id_, values = provisioning.schemas.new_id(), {"name": "B", "address": f"p-{unique()}"}
        db.session.add(Tenant(id=id_, state=State.PREPARING, opened_at=sa.func.now(), **values))
    return [id_]


def reclaim(owner: Person) -> list[Any]:
    old = sa.func.now() - timedelta(hours=100)
    with transaction():
        db.session.execute(sa.update(Tenant).where(Tenant.id == owner.tenant).values(opened_at=old))
    return []


def measure(owner: Person) -> list[Any]:
    owner.define("products", title="text!")
    return []


def sweep_batches(_owner: Person) -> list[Any]:
    with transaction():
        for at in (sa.func.now() - timedelta(days=2), sa.func.now()):
            db.session.add(UsageBatch(id=uuid4(), at=at))
    return []


def sweep(_owner: Person) -> list[Any]:
    """Attempts and jobs, of which some have been kept for long enough."""
    now = sa.func.now()
    with transaction():
        for window, until in ((1, now - timedelta(hours=1)), (2, now + timedelta(hours=1))):
            db.session.add(Attempts(key=unique(), window=window, count=1, until=until))
        for days in (1, 1000):
            ended = {"state": JobState.DONE, "finished_at": now - timedelta(days=days), "due_at": None}
            row = {"queue": "fast", "limit_seconds": 60, "max_tries": 3, "args": [days]}
            db.session.add(Job(id=uuid7(), name="tests.swept", **row, **ended))
    return []


def sweep_codes(owner: Person) -> list[Any]:
    with transaction():
        user = accounts.by_email(owner.email)
        codes.issue(codes.Purpose.RESET, user.id)
        codes.issue(codes.Purpose.LINK, user.id)
        db.session.flush()
        past = sa.func.now() - timedelta(hours=1)
        links = sa.and_(codes.Code.user_id == user.id, codes.Code.purpose == codes.Purpose.LINK)
        db.session.execute(sa.update(codes.Code).where(links).values(expires_at=past))
    return []


def report(owner: Person) -> list[Any]:
    _collect(owner, Collection("orders", "Orders", (Field("title", "text"),)))
    with transaction():
        demo_tasks.ask(owner.tenant, "orders")
    return ["orders", 0]


def probe(_owner: Person) -> list[Any]:
    return []


def peek(owner: Person) -> list[Any]:
    _collect(owner, Collection(canaries.MARKERS, "Markers", (Field("marker", "text"),)))
    return [str(uuid4()), owner.tenant]


def marked(_owner: Person) -> list[Any]:
    return [unique()]


def halting(_owner: Person) -> list[Any]:
    """It may go on at once."""
    folder = Path(tempfile.mkdtemp())
    (folder / "go").touch()
    return [unique(), str(folder)]


def storm(owner: Person) -> list[Any]:
    _collect(owner, crowd.THINGS)
    return [unique(), 1]


def _collect(owner: Person, collection: Collection) -> None:
    with transaction():
        isolation.bind(owner.tenant)
        collections.create(collection, actor="system")


CASES: dict[str, Case] = {
    "accounts.sweep": sweep_codes,
    **billing_jobs.CASES,
    **metering_jobs.CASES,
    "core.sweep": sweep,
    "demo.report": report,
    "isolation.peek": peek,
    "isolation.probe": probe,
    "mail.deliver": deliver,
    "storm.kept": marked,
    "storm.owned": marked,
    "tenants.refill": refill,
    "tenants.provision": provision,
    "tenants.reclaim": reclaim,
    "tests.effect": marked,
    "tests.halting": halting,
    "tests.long": halting,
    "tests.storm": storm,
    "tests.tenant": marked,
    "usage.measure": measure,
    "usage.sweep": sweep_batches,
}
# The tests' own that are there to break a rule or their worker, by what their names begin with.
UNRULY = (
    "storm.brief", "storm.careless", "storm.keyless", "storm.long", "storm.timed", "storm.unleased", "storms.tick",
    "tests.careless", "tests.failing", "tests.tick", "tests.worker.",
)  # fmt: skip
# What each job of these leaves is its own: two that are asked for leave two of it.
EACH_ITS_OWN = {
    "billing.reconcile_all", "demo.report", "isolation.probe", "storm.kept", "storm.owned", "tests.effect",
    "tests.halting", "tests.long", "tests.storm", "tests.tenant",
}  # fmt: skip
LEAVES_NOTHING = {"isolation.peek"}

# What differs from run to run for a reason of the handler's own, beside `whole.VOLATILE`.
_RECORD = {"id", "created_at", "updated_at"}
VOLATILE: dict[str, dict[str, set[str]]] = {
    "billing.follow_seats": {"platform.audit": {"id", "at", "detail"}},  # which names the act by an id of its own
    "demo.report": {"tenant.reports": {*_RECORD, "tries"}},  # it says how often it was begun
    "isolation.probe": {
        "platform.probe_reports": {"id", "attempts", "ways", "started_at", "finished_at"},
        "platform.usage": {"used"},  # of the markers, one of each run
        f"tenant.{canaries.MARKERS}": {whole.ALL},
    },
    "tenants.refill": {"platform.tenants": {"created_at"}},
    "tests.storm": {"tenant.things": _RECORD},
}


@dataclass
class Prepared:
    """A job that may be run in two places alike."""

    work: Work
    places: tuple[Place, Place]
    before: Snapshot


@dataclass(frozen=True)
class Left:
    rows: Snapshot
    outside: Snapshot  # what the receivers have applied, who drop a repeat by its key

    def beside(self, other: "Left") -> str:
        return whole.difference(self.rows, other.rows) + whole.difference(self.outside, other.outside)


def test_each_handler_has_its_case() -> None:
    names = {found.name for found in registry.handlers() if found.path.startswith(OURS)}
    assert {name for name in names - set(CASES) if not name.startswith(UNRULY)} == set()
    assert set(CASES) <= names


@pytest.mark.parametrize("name", sorted(CASES))
def test_run_twice_and_at_the_same_time_it_leaves_what_one_run_leaves(
    ground: Ground, prepare: Prepare, name: str
) -> None:
    ready = prepare(registry.get(name), CASES[name])
    if name in EACH_ITS_OWN:
        (left,), found = leaves(ground, ready, 0, ways.once), leaves(ground, ready, 1, ways.unlucky)
    else:
        left, again = leaves(ground, ready, 0, ways.once, ways.another)
        found = [again, *leaves(ground, ready, 1, ways.unlucky_and_another)]
    for one in found:
        assert one == left, one.beside(left)
    assert name in LEAVES_NOTHING or has_changed(ready, left), "where one run leaves nothing, two show nothing"


def test_control_an_effect_that_is_committed_apart_is_seen_in_the_rows(ground: Ground, prepare: Prepare) -> None:
    ready = prepare(registry.get("tests.careless"), halting)
    (left,), (found,) = leaves(ground, ready, 0, ways.once), leaves(ground, ready, 1, ways.unlucky)
    assert more(left.rows, found.rows) == {"platform.audit": 1}


def test_control_a_call_without_a_key_is_seen_outside(ground: Ground, prepare: Prepare) -> None:
    ready = prepare(registry.get("storm.keyless"), marked)
    (left,), (found,) = leaves(ground, ready, 0, ways.once), leaves(ground, ready, 1, ways.unlucky)
    assert more(left.rows, found.rows) == {}
    assert sum((found.outside - left.outside).values()) == 2


def test_control_a_job_that_adds_each_time_is_seen_when_it_is_asked_for_twice(ground: Ground, prepare: Prepare) -> None:
    ready = prepare(registry.get("tests.effect"), marked)
    left, again = leaves(ground, ready, 0, ways.once, ways.another)
    (at_once,) = leaves(ground, ready, 1, ways.two_at_once)
    assert more(left.rows, again.rows) == more(left.rows, at_once.rows) == {"platform.audit": 1}


def leaves(ground: Ground, ready: Prepared, place: int, *run: Way) -> list[Left]:
    """What there is in a place after each of some ways to run the job; of the jobs themselves only the first's end."""
    there, work, found, others = ready.places[place], replace(ready.work, job=uuid7()), list[Left](), set[str]()
    stripe, before = Stripe(ground.app), ground.outside.told()
    stripe.forget_calls()
    known = whole.tenants(there.url)
    for way in run:
        others |= way(there.app, work)
        called = {str(work.job): JOB, **dict.fromkeys(whole.tenants(there.url) - known, "t_new")}
        found.append(Left(seen(there, work, called, others), applied(ground, stripe, before)))
    return found


def seen(place: Place, work: Work, called: dict[str, str], without: Iterable[str] = ()) -> Snapshot:
    hidden = whole.VOLATILE | VOLATILE.get(work.handler.name, {})
    return whole.seen(place.url, hidden, called, set(without))


def applied(ground: Ground, stripe: Stripe, before: Told) -> Snapshot:
    """What was called outside and changed something there, since then."""
    after = ground.outside.told()
    calls = {
        f"Stripe: {verb} {call}": count for verb in ("post", "delete") for call, count in stripe.calls(verb).items()
    }
    mails = Counter(f"mail {mail}" for mail in set(after.mails[len(before.mails) :]))
    return Counter(calls) + (after.applied - before.applied) + mails


def has_changed(ready: Prepared, left: Left) -> bool:
    """Whether anything is otherwise than before, but for the job's own row."""
    rows = (left.rows - ready.before) + (ready.before - left.rows)
    return bool(left.outside) or any(JOB not in row for row in rows)


def more(left: Snapshot, found: Snapshot) -> dict[str, int]:
    """How many rows of which tables there are beyond; raises when some are missing."""
    assert not left - found
    return dict(Counter(row.partition(" ")[0] for row in (found - left).elements()))


@pytest.fixture
def prepare(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Prepare:
    """Make what a case needs, in the database that is copied."""
    monkeypatch.setenv(storm_jobs.RECEIVER, ground.outside.url)
    # All of the probe's ways are tried in tests/tenants/probe.
    monkeypatch.setattr(service, "WAYS", {name: service.WAYS[name] for name in ("jobs", "rows")})

    def make(handler: Handler, case: Case) -> Prepared:
        ground.begin()
        with ground.app.app_context():
            args = case(ground.owner)
        work = Work(handler, args, ground.owner.tenant if handler.scope == "tenant" else None)
        places = ground.twice()
        return Prepared(work, places, seen(places[0], work, {}))

    return make
