"""Tenants with the rows that revenue is made of, in a currency of their own; they are taken away at the end."""

import itertools
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from billing.mirrored import mrr
from billing.models import Invoice, Subscription
from saas.core.database import db, transaction
from tenants.isolation import schemas
from tests.support.database import sql
from tests.support.people import unique

_LETTERS = "".join(chr(ord("a") + n) for n in range(26))
_NUMBER = itertools.count()


def at(text: str) -> datetime:
    """ "2026-11-05 12:00", in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def currency() -> str:
    """One with two digits behind the point that nobody pays in."""
    return "z" + "".join(secrets.choice(_LETTERS) for _ in range(2))


@dataclass
class Books:
    app: Flask
    currency: str = field(default_factory=currency)
    tenants: list[str] = field(default_factory=list)
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def tenant(self, name: str = "Shop") -> str:
        id_ = schemas.new_id()
        add = (
            "INSERT INTO platform.tenants (id, state, revision, name, address, opened_at)"
            " VALUES (:id, 'active', '0001', :name, :address, now())"
        )
        sql(self.app, add, id=id_, name=name, address=f"shop-{unique()}")
        self.tenants.append(id_)
        return id_

    def subscribe(self, tenant: str, **values: Any) -> str:
        """A subscription as Stripe would tell of it: active, to Starter, begun a year before all tests."""
        id_ = f"sub_{unique()}{next(_NUMBER)}"
        plain = {
            "id": id_, "tenant": tenant, "status": "active", "plan": "starter", "version": 1, "interval": "month",
            "item": "si_1", "amount": 1900, "monthly": 1900, "currency": self.currency, "livemode": False,
            "started_at": at("2025-01-01"), "fetched_at": at("2025-01-01"),
        }  # fmt: skip
        self.subscriptions[id_] = plain | values
        with self.app.app_context(), transaction():
            db.session.add(Subscription(**self.subscriptions[id_]))
        return id_

    def becomes(self, subscription: str, when: str, monthly: int, plan: str = "starter", **values: Any) -> None:
        """It is found changed, at Stripe's time `when`, and that is written down."""
        with self.app.app_context(), transaction():
            found = db.session.get_one(Subscription, subscription)
            for name, value in {"monthly": monthly, "plan": plan, **values}.items():
                setattr(found, name, value)
            db.session.flush()
            mrr.note(found.tenant, found, at(when))

    def pays(self, tenant: str, when: str, monthly: int, plan: str = "starter", **values: Any) -> str:
        """A new subscription that is paid for from a moment on."""
        made = self.subscribe(tenant, started_at=at(when), **values)
        self.becomes(made, when, monthly, plan)
        return made

    def leaves(self, subscription: str, when: str) -> None:
        plan = self._plan(subscription)
        self.becomes(subscription, when, 0, plan, status="canceled", ended_at=at(when))

    def invoice(self, subscription: str, when: str, **values: Any) -> str:
        """One that was charged at a moment: paid at once, unless the values say otherwise."""
        id_ = f"in_{unique()}{next(_NUMBER)}"
        told = self.subscriptions[subscription]
        plain = {
            "id": id_, "tenant": told["tenant"], "subscription": subscription, "number": f"N-{next(_NUMBER)}",
            "status": "paid", "currency": told["currency"], "total": 1900, "due": 0, "paid": 1900, "refunded": 0,
            "attempts": 1, **dict.fromkeys(("created_at", "finalized_at", "paid_at", "fetched_at"), at(when)),
        }  # fmt: skip
        with self.app.app_context(), transaction():
            db.session.add(Invoice(**(plain | values)))
        return id_

    def double(self, kind: str, written_as: str | None = None) -> None:
        """Write all changes of a kind down a second time, maybe as another: what nobody must do."""
        again = (
            "INSERT INTO platform.mrr_changes (id, tenant, at, kind, plan, plan_before, currency, before, after,"
            " subscription, livemode) SELECT gen_random_uuid(), tenant, at + interval '1 microsecond', :written_as,"
            " plan, plan_before, currency, before, after, subscription, livemode FROM platform.mrr_changes"
            " WHERE kind = :kind AND currency = :currency"
        )
        sql(self.app, again, kind=kind, written_as=written_as or kind, currency=self.currency)

    def changes(self, tenant: str, columns: str = 'kind, plan_before, plan, currency, "before", "after"') -> list[Any]:
        """What was written down of a tenant, in its order."""
        query = f"SELECT {columns} FROM platform.mrr_changes WHERE tenant = :tenant ORDER BY at"
        return [tuple(row) for row in sql(self.app, query, tenant=tenant)]

    def _plan(self, subscription: str) -> str:
        ((plan,),) = sql(self.app, "SELECT plan FROM platform.subscriptions WHERE id = :id", id=subscription)
        return str(plan)


OPEN: dict[str, Any] = {"status": "open", "due": 1900, "paid": 0, "paid_at": None, "failed": True}


@contextmanager
def books(app: Flask) -> Iterator[Books]:
    made = Books(app)
    try:
        yield made
    finally:
        sql(app, "DELETE FROM platform.tenants WHERE id = ANY(:ids)", ids=made.tenants)
