"""The REST API under /api/v1, the same on the bare host and on each workspace's."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any, NoReturn
from uuid import UUID

import orjson
from flask import Blueprint, Response, jsonify, request

from saas.core.errors import Invalid, NotFound, PlatformError
from saas.core.text import fault
from tenants.backend.collections import records, service
from tenants.backend.collections.design import Collection
from tenants.jobs import service as jobs
from tenants.members import permissions
from tenants.members.permissions import needs

blueprint = Blueprint("api", __name__)

_ROUTE = "/collections/<name>/records"


class MalformedBody(PlatformError):
    title = "The body is not the JSON that is expected"


class UnsupportedBody(PlatformError):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    title = "The body's type is not supported"


class UnknownAddress(NotFound):
    title = "The API has nothing at this address"


@blueprint.get("/collections")
@needs(permissions.RECORDS_READ)
def collections() -> Response:
    found = [{"name": c.name, "label": c.label, "fields": c.fields_as_json()} for c in service.every()]
    return jsonify(data=found)


@blueprint.get(_ROUTE)
@needs(permissions.RECORDS_READ)
def list_records(name: str) -> Response:
    page = records.json_page(service.get(name), after=_cursor(), limit=_limit())
    return jsonify(data=[orjson.Fragment(row["json"]) for row in page.records], next=page.next)


@blueprint.post(_ROUTE)
@needs(permissions.RECORDS_WRITE)
def create_record(name: str) -> Response:
    collection = service.get(name)
    return _json(records.create(collection, records.check(collection, _body())), 201)


@blueprint.get(f"{_ROUTE}/<uuid:record_id>")
@needs(permissions.RECORDS_READ)
def read_record(name: str, record_id: UUID) -> Response:
    return _json(records.get_json(service.get(name), record_id))


@blueprint.patch(f"{_ROUTE}/<uuid:record_id>")
@needs(permissions.RECORDS_WRITE)
def change_record(name: str, record_id: UUID) -> Response:
    collection = service.get(name)
    return _json(records.change(collection, record_id, _changes(collection)))


@blueprint.delete(f"{_ROUTE}/<uuid:record_id>")
@needs(permissions.RECORDS_WRITE, removes=True)
def delete_record(name: str, record_id: UUID) -> Response:
    records.delete(service.get(name), record_id)
    return Response(status=204)


@blueprint.get("/jobs/<uuid:job_id>")
@needs(permissions.JOBS_READ)
def read_job(job_id: UUID) -> Response:
    """How far one of the workspace's jobs is."""
    return jsonify(asdict(jobs.get(job_id)))


@blueprint.route("/", defaults={"path": ""})
@blueprint.route("/<path:path>")
@needs(permissions.WORKSPACE_OPEN)
def nothing(path: str) -> NoReturn:  # noqa: ARG001
    """Below the API an unknown address asks for a key as well, and answers in JSON."""
    raise UnknownAddress("See /api/v1/collections for what this key can reach.")


def _changes(collection: Collection) -> dict[str, Any]:
    return records.check(collection, _body(), partial=True)


def _json(text: str, status: int = 200) -> Response:
    return Response(text + "\n", status=status, mimetype="application/json")


def _body() -> Mapping[str, Any]:
    """The body as an object, numbers with all their digits. Raises UnsupportedBody and MalformedBody."""
    if request.mimetype != "application/json":
        raise UnsupportedBody("Send the body as JSON, with the header `Content-Type: application/json`.")
    try:
        body = json.loads(
            request.get_data().decode(),
            parse_int=_number,
            parse_float=_number,
            parse_constant=_refuse,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise MalformedBody("The body is nested too deeply.") from None
    except ValueError as error:
        raise MalformedBody(f"The body can't be read as JSON: {str(error)[:200]}.") from None
    if not isinstance(body, dict):
        raise MalformedBody("Send one JSON object with the record's fields.")
    return body


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a number's exponent is out of reach") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key appears twice in one object")
    if any(map(fault, found)):
        raise ValueError("a key has control characters or broken Unicode")
    return found


def _limit() -> int:
    text = request.args.get("limit", "50")
    limit = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
    if not 1 <= limit <= records.MOST_PER_PAGE:
        raise Invalid(fields={"limit": f"must be a whole number from 1 to {records.MOST_PER_PAGE}"})
    return limit


def _cursor() -> UUID | None:
    text = request.args.get("after")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid(fields={"after": "must be the `next` of a page before"}) from None
