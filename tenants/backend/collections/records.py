"""Reading and writing the records of a collection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import RowMapping

from saas.core.database import db
from saas.core.ids import uuid7
from tenants.backend.collections.design import Collection, Field
from tenants.backend.collections.errors import BadRecord, UnknownRecord, unless_dropped
from tenants.backend.collections.kinds import KINDS
from tenants.errors import OverLimit
from tenants.usage import over, stocks
from tenants.usage.limits import COLLECTIONS, RECORDS, STORAGE
from tenants.usage.over import Over

MOST_PER_PAGE = 100
MOST_NAMED = 20  # unknown fields in one answer

Record = RowMapping  # from a column's name to its value


@dataclass(frozen=True)
class Page:
    records: Sequence[Record]
    next: UUID | None  # the cursor of the page after this one


def page(collection: Collection, *, after: UUID | None, limit: int) -> Page:
    """Up to `limit` records behind the cursor `after`, the newest first."""
    key = collection.table.c.id
    query = sa.select(collection.table).order_by(key.desc()).limit(limit + 1)
    return _page(collection, query if after is None else query.where(key < after), limit)


def json_page(collection: Collection, *, after: UUID | None, limit: int) -> Page:
    """Up to `limit` records behind the cursor `after`, the oldest first, each as `{"id": …, "json": text}`.

    PostgreSQL writes the JSON and we pass it on, so numbers keep every digit.
    """
    key = collection.table.c.id
    query = _shape(collection, collection.table).order_by(key).limit(limit + 1)
    records = _json(query if after is None else query.where(key > after))
    return _page(collection, records.order_by(records.selected_columns.id), limit)


def get(collection: Collection, record_id: UUID) -> Record:
    """Raises UnknownRecord."""
    return _one(collection, sa.select(collection.table).where(collection.table.c.id == record_id))


def get_json(collection: Collection, record_id: UUID) -> str:
    """Raises UnknownRecord."""
    query = _shape(collection, collection.table).where(collection.table.c.id == record_id)
    return str(_one(collection, _json(query))["json"])


def create(collection: Collection, values: Mapping[str, Any]) -> str:
    """Add a record of checked values; returns its JSON. Raises LimitReached and OverLimit."""
    _refuse_over(collection)
    stocks.add(RECORDS, room=STORAGE)
    return _written(collection, sa.insert(collection.table).values({"id": uuid7(), **values}))


def change(collection: Collection, record_id: UUID, values: Mapping[str, Any]) -> str:
    """Set the given fields; returns the record's JSON. Raises UnknownRecord and OverLimit."""
    _refuse_over(collection)
    table = collection.table
    change_ = sa.update(table).where(table.c.id == record_id).values({"updated_at": sa.func.now(), **values})
    return _written(collection, change_)


def delete(collection: Collection, record_id: UUID) -> None:
    """Raises UnknownRecord."""
    table = collection.table
    stocks.take(RECORDS)
    _one(collection, sa.delete(table).where(table.c.id == record_id).returning(table.c.id))


def check(collection: Collection, given: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
    """The values for the columns, from JSON. Raises BadRecord with a message for each field that is wrong."""
    known = {field.name: field for field in collection.fields}
    unknown = [name for name in given if name not in known]
    wrong = {name[:60]: f"{collection.name} has no field of this name" for name in unknown[:MOST_NAMED]}
    values = {}
    for name, field in known.items():
        if partial and name not in given:
            continue
        try:
            values[name] = _value(field, given.get(name))
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        raise BadRecord(f"Nothing was stored. The fields of {collection.name} are {', '.join(known)}.", fields=wrong)
    return values


def beyond(collection: Collection) -> Over | None:
    """Why its records can be read and deleted only: there is more of something than the plan allows; None: they can't.

    It asks nothing of the database.
    """
    limits = ([COLLECTIONS] if collection.read_only else []) + [RECORDS, STORAGE]
    return next((found for limit in limits if (found := over.now(limit))), None)


def _refuse_over(collection: Collection) -> None:
    if found := beyond(collection):
        raise OverLimit(found.sentence, found.way_out)


def _value(field: Field, given: Any) -> Any:
    if given is not None:
        return KINDS[field.kind].from_json(given)
    if field.required:
        raise ValueError("is required")
    return None


def _page(collection: Collection, query: sa.Select[Any], limit: int) -> Page:
    """`query` asks for one record more than the page holds, which tells whether there is another page."""
    rows = _run(collection, query).all()
    return Page(rows[:limit], rows[limit - 1]["id"] if len(rows) > limit else None)


def _written(collection: Collection, statement: sa.Insert | sa.Update) -> str:
    written = statement.returning(*collection.table.c).cte("written")
    return str(_one(collection, _json(_shape(collection, written)))["json"])


def _shape(collection: Collection, source: sa.FromClause) -> sa.Select[Any]:
    """A record as the API shows it, out of the table or of what a statement has written; times are in UTC."""
    times = [
        sa.func.to_char(sa.func.timezone("UTC", source.c[name]), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"').label(name)
        for name in ("created_at", "updated_at")
    ]
    return sa.select(source.c.id, *times, *(source.c[field.name] for field in collection.fields))


def _json(query: sa.Select[Any]) -> sa.Select[Any]:
    record = query.subquery("record")
    text = sa.cast(sa.func.row_to_json(sa.literal_column("record.*")), sa.Text)
    return sa.select(record.c.id, text.label("json"))


def _one(collection: Collection, statement: Any) -> Record:
    row = _run(collection, statement).one_or_none()
    if row is None:
        raise UnknownRecord(f"{collection.name} has no record with this id; it may have been deleted.")
    return row


def _run(collection: Collection, statement: Any) -> sa.MappingResult:
    with unless_dropped(collection.name):
        return db.session.execute(statement).mappings()
