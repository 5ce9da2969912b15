"""Reading and writing the records of a collection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from saas.core.database import db
from saas.core.ids import uuid7
from tenants.backend.collections.design import Collection, Field
from tenants.backend.collections.errors import BadRecord, UnknownRecord
from tenants.backend.collections.kinds import KINDS

MOST_PER_PAGE = 100

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    records: Sequence[Record]
    next: UUID | None  # the cursor of the page after this one


def page(collection: Collection, *, after: UUID | None, limit: int, newest_first: bool = False) -> Page:
    """Up to `limit` records behind the cursor `after`, in the order in which they were made."""
    return _page(collection, list(collection.table.c), after, limit, newest_first)


def json_page(collection: Collection, *, after: UUID | None, limit: int) -> Page:
    """The same as `page`, each record as `{"id": …, "json": text}`: PostgreSQL writes the JSON and we pass it on."""
    return _page(collection, [collection.table.c.id, _json(collection)], after, limit, False)


def get(collection: Collection, record_id: UUID) -> Record:
    """Raises UnknownRecord."""
    return _one(collection, sa.select(collection.table).where(collection.table.c.id == record_id))


def get_json(collection: Collection, record_id: UUID) -> str:
    """Raises UnknownRecord."""
    query = sa.select(_json(collection)).where(collection.table.c.id == record_id)
    return str(_one(collection, query)["json"])


def create(collection: Collection, values: Mapping[str, Any]) -> str:
    """Add a record of checked values; returns its JSON."""
    statement = sa.insert(collection.table).values(id=uuid7(), **values).returning(_json(collection))
    return str(db.session.execute(statement).scalar_one())


def change(collection: Collection, record_id: UUID, values: Mapping[str, Any]) -> str:
    """Set the given fields; returns the record's JSON. Raises UnknownRecord."""
    table = collection.table
    statement = sa.update(table).where(table.c.id == record_id).values(updated_at=sa.func.now(), **values)
    return str(_one(collection, statement.returning(_json(collection)))["json"])


def delete(collection: Collection, record_id: UUID) -> None:
    """Raises UnknownRecord."""
    table = collection.table
    _one(collection, sa.delete(table).where(table.c.id == record_id).returning(table.c.id))


def check(collection: Collection, given: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
    """The values for the columns, from JSON. Raises BadRecord with a message for each field that is wrong."""
    known = {field.name: field for field in collection.fields}
    wrong = {
        name[:60]: f"{collection.name} has no field of this name. Its fields are {', '.join(known)}."
        for name in given
        if name not in known
    }
    values = {}
    for name, field in known.items():
        if partial and name not in given:
            continue
        try:
            values[name] = _value(field, given.get(name))
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        raise BadRecord("Nothing was stored.", fields=wrong)
    return values


def _value(field: Field, given: Any) -> Any:
    if given is not None:
        return KINDS[field.kind].from_json(given)
    if field.required:
        raise ValueError("is required")
    return None


def _page(collection: Collection, columns: list[Any], after: UUID | None, limit: int, newest_first: bool) -> Page:
    key = collection.table.c.id
    query = sa.select(*columns).order_by(key.desc() if newest_first else key).limit(limit + 1)
    if after is not None:
        query = query.where(key < after if newest_first else key > after)
    rows = db.session.execute(query).mappings().all()
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1]["id"] if more else None)


def _json(collection: Collection) -> sa.Label[str]:
    """A record as JSON text, whose numbers keep every digit; times are in UTC."""
    table = collection.table
    columns: list[sa.ColumnElement[Any]] = [table.c.id]
    for name in ("created_at", "updated_at"):
        utc = sa.func.timezone("UTC", table.c[name])
        columns.append(sa.func.to_char(utc, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"').label(name))
    columns += [table.c[field.name] for field in collection.fields]
    # LATERAL over no table: the row that the statement is at, as PostgreSQL's own compact JSON.
    row = sa.select(*columns).correlate(table).lateral("record")
    text = sa.cast(sa.func.row_to_json(sa.literal_column("record")), sa.Text)
    return sa.select(text).select_from(row).scalar_subquery().label("json")


def _one(collection: Collection, statement: Any) -> Record:
    row = db.session.execute(statement).mappings().one_or_none()
    if row is None:
        raise UnknownRecord(f"{collection.name} has no record with this id; it may have been deleted.")
    return row
