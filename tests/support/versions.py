"""A plan of which there is a newer version, for one test."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from billing.offering import sync
from billing.plans import catalog, publishing
from billing.plans.catalog import Interval, Plan


def newer(app: Flask, monkeypatch: pytest.MonkeyPatch, code: str, amount: int, **changes: Any) -> Plan:
    """Version 2 of a plan, at Stripe too: for dollars only, `amount` a month and ten times that a year.

    It is not written down as published, since other tests of this database know nothing of it.
    """
    first = catalog.plan(code, 1)
    prices = {"usd": {Interval.MONTH: amount, Interval.YEAR: 10 * amount}}
    second = replace(first, version=2, prices=prices, **changes)
    plans = (*catalog.every(), second)
    monkeypatch.setattr(catalog, "every", lambda: plans)
    with app.app_context(), monkeypatch.context() as unpublished:
        unpublished.setattr(publishing, "check", list)
        for deed in sync.planned():
            sync.done(deed)
    return second
