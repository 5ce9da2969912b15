"""The web process of the benchmark `neighbour`, served as in production: with the slowest that a tenant may ask for.

No route of ours takes so long; a product of whoever runs this might. They come as a module does, so the key, the
throttle, the binding, the guard and the server's bounds are those of every route.
"""

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify

from saas.app import create_app
from saas.core.database import db
from saas.core.observability import configure_logging
from saas.core.settings import load
from tenants import rooms
from tenants.members import permissions
from tenants.members.permissions import needs
from tenants.modules import Module

_EVERY = "fh_collections a, fh_collections b, fh_collections c, fh_collections d, fh_collections e"
_COUNT = f"SELECT count(*) FROM {_EVERY} WHERE a.name <> b.label AND c.name <> d.label"
_SORT = f"SELECT a.name FROM {_EVERY} ORDER BY a.name || b.name || c.name || d.name || e.name OFFSET 100000000"

blueprint = Blueprint("bench", __name__, url_prefix="/bench")


@blueprint.get("/count")
@needs(permissions.RECORDS_READ)
def count() -> Response:
    return jsonify(db.session.scalar(sa.text(_COUNT)))


@blueprint.get("/sort")
@needs(permissions.RECORDS_READ)
def sort() -> Response:
    return jsonify(db.session.scalar(sa.text(_SORT)))


settings = load()
configure_logging(settings)
app = create_app(settings)
rooms.add(app, (Module("bench", api=(blueprint,)),))
