"""Views and a job that do what ours do seldom: streams, COPY, executemany, DDL, services in services."""

import io
import threading
from collections.abc import Iterator
from contextlib import suppress

import psycopg2.extensions
import sqlalchemy as sa
from flask import Blueprint, Flask, Response, current_app, jsonify, request, stream_with_context

from saas.core.database import db, outside
from saas.core.edge import csrf
from saas.core.ids import uuid7
from saas.core.jobs import handler
from tenants import isolation, rooms
from tenants.backend.api import access
from tenants.backend.collections import records
from tenants.backend.collections import service as collections
from tenants.backend.collections.design import Collection, Field
from tenants.members import permissions
from tenants.members.permissions import needs
from tests.support.storm.crowd import BULK, THINGS
from tests.support.storm.faults import OnPurposeError

TITLES = sa.select(THINGS.table.c.title).order_by(THINGS.table.c.id)

seen_by_job: dict[int, list[str]] = {}  # by serial number

blueprint = Blueprint("storm", __name__)


@blueprint.get("/stream")
@needs(permissions.RECORDS_READ)
def stream() -> Response:
    """A server-side cursor, opened when the request's transaction is over: the same tenant's, in another one."""

    def lines() -> Iterator[str]:
        yield "begin\n"
        for title in db.session.scalars(TITLES, execution_options={"stream_results": True, "max_row_buffer": 1}):
            yield f"{title}\n"

    return Response(stream_with_context(lines()), mimetype="text/plain")


@blueprint.post("/nested")
@needs(permissions.RECORDS_WRITE)
def nested() -> Response:
    """Services in services: what an inner one has undone is undone, and nothing else."""
    with suppress(OnPurposeError), db.session.begin_nested():
        records.create(THINGS, {"title": f"{request.args['title']}-undone"})
        with suppress(sa.exc.DataError), db.session.begin_nested():
            db.session.execute(sa.text("SELECT 1/0"))
        raise OnPurposeError
    records.create(THINGS, {"title": request.args["title"]})
    return jsonify(list(db.session.scalars(TITLES)))


@blueprint.post("/outside")
@needs(permissions.RECORDS_WRITE)
def around_a_call() -> Response:
    """A write before a call to the outside, and a look after it, in another transaction."""
    records.create(THINGS, {"title": request.args["title"]})
    with outside():
        pass
    return jsonify(list(db.session.scalars(TITLES)))


@blueprint.post("/copy")
@needs(permissions.RECORDS_WRITE)
def copy() -> Response:
    out = io.StringIO()
    with isolation.export(), driver().cursor() as cursor:
        row = io.StringIO(f"{uuid7()}\t{request.args['title']}\n")
        cursor.copy_expert("COPY bulk (id, title) FROM STDIN", row)
        cursor.copy_expert("COPY things (title) TO STDOUT", out)
    return jsonify(out.getvalue())


@blueprint.post("/many")
@needs(permissions.RECORDS_WRITE)
def many() -> Response:
    with driver().cursor() as cursor:
        rows = [(str(uuid7()), request.args["title"])]
        cursor.executemany("INSERT INTO bulk (id, title) VALUES (%s, %s)", rows)
    return jsonify(list(db.session.scalars(sa.select(BULK.table.c.title))))


@blueprint.post("/design")
@needs(permissions.RECORDS_WRITE)
def design() -> Response:
    """As the owner of all schemas, and back: a table comes and goes."""
    made = Collection(request.args["name"], request.args["name"], (Field("title", "text"),))
    collections.create(made, actor="tests")
    records.create(made, {"title": "gone with the table"})
    seen = list(db.session.scalars(TITLES))
    collections.drop(made, actor="tests")
    return jsonify(seen)


@blueprint.get("/thread")
@needs(permissions.RECORDS_READ)
def thread() -> Response:
    """A thread that forgets whose it is: it must find nobody's rows. The view itself has its tenant's."""
    app, found = current_app._get_current_object(), list[str]()  # type: ignore[attr-defined]
    mine = list(db.session.scalars(TITLES))
    started = threading.Thread(target=lambda: found.extend(forgetful(app)))
    started.start()
    started.join()
    return jsonify(mine=mine, found=found)


@handler("tests.storm", scope="tenant", max_tries=1)
def job(title: str, serial: int) -> None:
    records.create(THINGS, {"title": title})
    seen_by_job[serial] = list(db.session.scalars(TITLES))


def forgetful(app: Flask) -> list[str]:
    """What code reads that has bound no tenant."""
    with app.app_context():
        try:
            return list(db.session.scalars(TITLES))
        except sa.exc.SQLAlchemyError:
            return []


def driver() -> psycopg2.extensions.connection:
    found = db.session.connection().connection.driver_connection
    assert isinstance(found, isolation.Connection)
    return found


def plant(app: Flask) -> None:
    app.register_blueprint(blueprint, url_prefix="/api/v1/storm")
    csrf.exempt(blueprint)
    rooms._before(app, blueprint.name, access.authenticate)
