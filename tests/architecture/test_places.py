"""Where a rule does not apply, it would have to."""

import pytest

from saas.devstack.lint import ROOT
from saas.devstack.rules.commits import commits
from saas.devstack.rules.names import bind_once, redis_in_core
from saas.devstack.rules.places import ALLOWED
from saas.devstack.rules.schema_names import schema_names
from saas.devstack.rules.source import sources

RULES = {
    "schema-names": schema_names,
    "commits": commits,
    "bind-once": bind_once,
    "redis-in-core": redis_in_core,
}


def test_each_list_of_exceptions_belongs_to_a_rule():
    assert ALLOWED.keys() == RULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_each_exception_is_needed_and_says_why(monkeypatch, rule):
    places = ALLOWED[rule]
    monkeypatch.setitem(ALLOWED, rule, {})
    found = {finding.path for finding in RULES[rule](sources(ROOT))}
    needless = [place for place in places if not any(path.startswith(place) for path in found)]
    assert needless == []
    assert all(places.values())
