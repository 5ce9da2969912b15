"""The stand-in as a WSGI application and the threads beside it."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from billing.sandbox import api, control
from billing.sandbox.config import Config
from billing.sandbox.deliveries import Deliveries
from billing.sandbox.pages import (
    authenticate,
    checkout,
    frame,
    invoice,
    papers,
    portal,
    portal_cancel,
    portal_card,
    portal_details,
    portal_methods,
    portal_plan,
)
from billing.sandbox.protocol import pipeline
from billing.sandbox.protocol.pipeline import Standin
from billing.sandbox.store import Store
from billing.sandbox.ticker import Ticker

__all__ = ["api", "create_app", "running"]  # api: its import fills the table of endpoints

_LONGEST_BODY = 1_048_576  # bytes


def create_app(standin: Standin) -> Flask:
    app = Flask(__name__, template_folder="pages/templates", static_folder="pages/static")
    app.extensions["standin"] = standin
    app.config["MAX_CONTENT_LENGTH"] = _LONGEST_BODY
    frame.install(app)
    for blueprint in (
        pipeline.blueprint,
        control.blueprint,
        checkout.blueprint,
        portal.blueprint,
        portal_card.blueprint,
        portal_cancel.blueprint,
        portal_details.blueprint,
        portal_methods.blueprint,
        portal_plan.blueprint,
        invoice.blueprint,
        authenticate.blueprint,
        papers.blueprint,
    ):
        app.register_blueprint(blueprint)
    return app


@contextmanager
def running(config: Config) -> Iterator[Flask]:
    """The application with its deliveries and its clock under way."""
    store = Store(config.state)
    deliveries = Deliveries(store, config)
    ticker = Ticker(store, config, deliveries.wake)
    deliveries.start()
    ticker.start()
    try:
        yield create_app(Standin(config, store, deliveries))
    finally:
        ticker.stop()
        deliveries.stop()
        store.close()
