"""What the tenants' part adds to the application: routes, and the checks before them."""

from flask import Flask

from tenants import entry, home, routing, tasks  # noqa: F401  tasks registers its jobs
from tenants.backend.api import rest
from tenants.backend.collections import views as collections
from tenants.backend.keys import views as keys


def init_app(app: Flask) -> None:
    routing.init_app(app)
    app.register_blueprint(entry.site)
    app.register_blueprint(entry.blueprint)
    app.register_blueprint(rest.blueprint)
    for room in (home, collections, keys):
        app.register_blueprint(room.blueprint)
