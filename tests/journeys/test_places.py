"""The map of pages and journeys is whole. That a journey sees what it is named for is asserted at its end."""

import importlib

from flask import Flask

from tests.journeys.places import SEEN_BY
from tests.support import modules

PROGRAMS = {"static", "health", "api"}  # what is not a page
DOWNLOADS = {"console.revenue_csv", "console.revenue_list_csv", "workspace.hours_csv"}


def test_each_page_is_visited_by_a_journey(app: Flask) -> None:
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint.split(".")[0] not in PROGRAMS | modules.blueprints(app)
    }
    assert pages - DOWNLOADS == set().union(*SEEN_BY.values())


def test_each_journey_of_the_map_exists() -> None:
    for name in SEEN_BY:
        module, _, test = name.partition(".")
        assert hasattr(importlib.import_module(f"tests.journeys.{module}"), test), name
