"""An owner and a stranger, and every route of a workspace and of the API aimed at things of the owner's.

Routes are taken from the application's own map, so a new one is tried unaided; one that changes something says in
`SENDS` what its owner sends.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import requests
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from billing.models import Checkout, Subscription
from saas.accounts.models import User
from saas.core.database import transaction
from saas.core.ids import uuid7
from saas.core.jobs import Job, JobState
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.backend.collections.design import Collection, Field
from tenants.backend.keys import service as keys
from tenants.backend.keys.models import ApiKey
from tenants.members import service as members
from tenants.members.models import Invitation, Membership, Role
from tenants.usage.models import UsageHour
from tests.support.contexts import context
from tests.support.people import Person

CHANGES = {"POST", "PUT", "PATCH", "DELETE"}

# What an owner sends to the routes that change something; NAME is the collection's.
SENDS: dict[tuple[str, str], dict[str, Any]] = {
    ("collections.new", "POST"): {
        "data": {"label": "New", "name": "new_NAME", "fields-0-name": "title", "fields-0-kind": "text"}
    },
    ("collections.add", "POST"): {"data": {"value-title": "Added"}},
    ("collections.edit", "POST"): {"data": {"value-title": "Changed"}},
    ("collections.delete", "POST"): {},
    ("collections.drop", "POST"): {"data": {"name": "NAME"}},
    ("keys.index", "POST"): {"data": {"label": "New", "role": "editor"}},
    ("keys.revoke", "POST"): {},
    ("team.invite", "POST"): {"data": {"email": "new-NAME@example.com", "role": "editor"}},
    ("team.change_role", "POST"): {"data": {"role": "viewer"}},
    ("team.remove", "POST"): {},
    ("team.resend", "POST"): {},
    ("team.revoke", "POST"): {},
    ("api.create_record", "POST"): {"json": {"title": "Added"}},
    ("api.change_record", "PATCH"): {"json": {"title": "Changed"}},
    ("api.delete_record", "DELETE"): {},
}
SHOWS_NOTHING_STORED = {  # but whose workspace it is
    "billing.history", "billing.index", "collections.new", "paying.index", "seats.index", "spending.index",
    "workspace.meters",
}  # fmt: skip
# Aimed at by everybody as well; what they do for whom they are meant for is shown where the reason says.
ELSEWHERE = {
    "billing.cancel": "tests/billing, with a subscription",
    "billing.change": "tests/billing, with a subscription",
    "billing.choose": "tests/billing, with a plan in its query",
    "billing.pay": "tests/billing, with the prices at Stripe",
    "billing.portal": "tests/billing, with a subscription",
    "billing.redeem": "tests/billing, with a subscription",
    "billing.resume": "tests/billing, with a subscription",
    "billing.returned": "tests/billing, with a checkout",
    "billing.upcoming": "tests/billing, with a subscription",
    "paying.card": "tests/billing, with a subscription",
    "paying.charged": "tests/billing, with a ticket",
    "paying.now": "tests/billing, with a subscription",
    "seats.buy": "tests/billing, with a subscription",
    "spending.agree": "tests/billing, with a subscription",
    "team.leave": "tests/tenants/team, since who has left is out",
}
NOTHING_THERE = {"api.nothing"}  # answers 404 to everybody who has a key


@dataclass(frozen=True)
class Target:
    """Things of the owner, made for one try. All texts hold the same mark."""

    mark: str
    collection: str
    record: str
    key_id: str
    key: str
    member: str  # a colleague's id
    invitation: str
    job: str


@dataclass(frozen=True)
class Try:
    """One route and method, with the owner's things in its address."""

    endpoint: str
    method: str
    path: str
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.endpoint})"

    def with_head(self) -> list["Try"]:
        """Itself, and what looks like it and is answered without a body."""
        return [self, replace(self, method="HEAD")] if self.method == "GET" else [self]


@dataclass
class Scene:
    app: Flask
    owner: Person
    stranger: Person
    twins: bool = True  # does the stranger have a collection of the same name, so that only what is in it differs?

    def target(self) -> Target:
        mark = secrets.token_hex(8)
        for person in (self.owner, self.stranger) if self.twins else (self.owner,):
            design = Collection(
                f"c{mark}", f"label-{mark}" if person is self.owner else "Mine", (Field("title", "text"),)
            )
            title = f"title-{mark}" if person is self.owner else "mine"
            with context(self.app, person.tenant) as session, transaction():
                collections.create(design, actor="tests")
                records.create(design, {"title": title})
        with context(self.app, self.owner.tenant) as session, transaction():
            key = keys.create(f"key-{mark}", actor="tests")
            session.flush()
            key_id = session.scalars(sa.select(ApiKey.id).where(ApiKey.label == f"key-{mark}")).one()
            record = session.scalars(sa.select(design.table.c.id)).one()
        with context(self.app) as session, transaction():
            session.add(UsageHour(tenant=self.owner.tenant, resource=f"used-{mark}", hour=sa.func.now(), used=1))
        return Target(mark, design.name, str(record), str(key_id), key, *self._people(mark), self._job(mark))

    def _people(self, mark: str) -> tuple[str, str]:
        """A colleague of the owner's, and an open invitation."""
        with context(self.app) as session, transaction():
            owner = session.scalars(sa.select(User).where(User.email == self.owner.email)).one()
            owner.confirmed_at = sa.func.now()
            colleague = User(email=f"{mark}@example.com", name=f"name-{mark}")
            session.add(colleague)
            session.flush()
            members.add(self.owner.tenant, colleague.id, Role.EDITOR)
            invitation = Invitation(
                tenant=self.owner.tenant,
                email=f"invited-{mark}@example.com",
                role=Role.EDITOR,
                secret_digest=mark.encode(),
                invited_by=owner.id,
                expires_at=sa.func.now() + timedelta(days=1),
            )
            session.add(invitation)
            session.flush()
            return str(colleague.id), str(invitation.id)

    def _job(self, mark: str) -> str:
        job = Job(
            id=uuid7(), name="tests.done", tenant=self.owner.tenant, args=[], queue="none", limit_seconds=60,
            max_tries=1, state=JobState.DONE, due_at=None, finished_at=sa.func.now(), done=1, total=2,
            message=f"message-{mark}",
        )  # fmt: skip
        with context(self.app) as session, transaction():
            session.add(job)
        return str(job.id)

    def tries(self, *blueprints: str) -> Iterator[tuple[Try, Target]]:
        """Each route and method of these blueprints, each with things of its own."""
        for rule in self.app.url_map.iter_rules():
            if rule.endpoint.partition(".")[0] in blueprints and rule.endpoint not in NOTHING_THERE:
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    target = self.target()
                    yield self.aim(rule, method, target), target

    def aim(self, rule: Rule, method: str, target: Target) -> Try:
        ids = {"keys": target.key_id, "team": target.member}
        id_ = ids.get(rule.endpoint.partition(".")[0], target.record)
        if rule.endpoint in {"team.resend", "team.revoke"}:
            id_ = target.invitation
        values = {"name": target.collection, "id": id_, "record_id": id_, "job_id": target.job}
        unknown = rule.arguments - values.keys()
        assert not unknown, f"{rule.endpoint}: say here what of the owner's stands for {unknown}"
        with self.app.test_request_context():
            path = self.app.url_map.bind("localhost").build(
                rule.endpoint, {a: values[a] for a in rule.arguments}, method
            )
        if method in CHANGES and rule.endpoint not in ELSEWHERE:
            assert (rule.endpoint, method) in SENDS, f"{rule.endpoint}: say in SENDS what its owner sends"
        return Try(rule.endpoint, method, path, named(SENDS.get((rule.endpoint, method), {}), target))

    def holdings(self) -> list[str]:
        """Everything in the owner's schema, but for when a key was used."""
        with context(self.app, self.owner.tenant) as session:
            found = [collection.table for collection in collections.every()]
            own = [sa.table(name) for name in ("fh_collections", "fh_keys")]
            rows = []
            for table in [*own, *found]:
                row = sa.cast(sa.func.to_jsonb(sa.literal_column(f"{table.name}.*")), sa.Text).label("row")
                text = session.scalars(sa.select(row).select_from(table).order_by("row"))
                rows += [f"{table.name} {value.partition('last_used_at')[0]}" for value in text]
        return rows + self._platform_rows()

    def _platform_rows(self) -> list[str]:
        """What the platform's tables hold of the owner's tenant and its members can change."""
        with context(self.app) as session:
            rows = []
            for model in (Membership, Invitation, Checkout, Subscription):
                mine = sa.select(model).where(model.tenant == self.owner.tenant)
                whole = sa.cast(sa.func.to_jsonb(sa.literal_column("mine.*")), sa.Text).label("row")
                found = session.scalars(sa.select(whole).select_from(mine.subquery("mine")).order_by("row"))
                rows += [f"{model.__tablename__} {row}" for row in found]
            return rows

    def told(self, answer: requests.Response, target: Target) -> set[str]:
        """What of the owner's an answer gives away; the collection's name was in the question."""
        text = without_name(f"{answer.text}\n{answer.headers}", target)
        return {secret for secret in (target.mark, self.owner.email, self.owner.tenant[2:]) if secret in text}


def named(value: Any, target: Target) -> Any:
    if isinstance(value, dict):
        return {name: named(part, target) for name, part in value.items()}
    return value.replace("NAME", target.collection)


def without_name(text: str, target: Target) -> str:
    return text.replace(target.collection, "")
