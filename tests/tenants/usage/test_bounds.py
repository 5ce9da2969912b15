"""What may happen at the same time: a plan says it, and nothing of it is used up."""

import sqlalchemy as sa
from flask import Flask

from billing.pages import cards
from billing.plans.catalog import Interval
from saas.core.database import db
from tenants.usage import bounds
from tenants.usage.limits import JOBS_AT_ONCE
from tests.support.database import sql
from tests.support.pages import words
from tests.support.people import Person, allow


def test_it_is_on_the_plans_and_on_no_meter(owner: Person) -> None:
    assert [dict(card.allowances)[JOBS_AT_ONCE] for card in cards.cards(Interval.MONTH)] == [4, 8, 16, 32]
    assert "jobs at once" not in words(owner.browser.open(f"{owner.home}/usage")).lower()
    assert "api calls" in words(owner.browser.open(f"{owner.home}/usage")).lower()


def test_the_dispatcher_asks_for_a_tenants_own(app: Flask, owner: Person) -> None:
    def most(tenant: str) -> int | None:
        with app.app_context():
            return db.session.scalar(sa.select(bounds.jobs_at_once(sa.literal(tenant))))

    sql(app, "UPDATE platform.tenants SET limits = '{}' WHERE id = :t", t=owner.tenant)
    assert most(owner.tenant) == JOBS_AT_ONCE.default
    allow(app, owner.tenant, jobs_at_once=7)
    assert most(owner.tenant) == 7
    sql(app, "UPDATE platform.tenants SET limits = '{\"jobs_at_once\": null}' WHERE id = :t", t=owner.tenant)
    assert (most(owner.tenant) or 0) > 1_000_000
    assert most("t_gone") is None
