"""Defining collections: each is a real, typed table in the tenant's schema."""

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import aliased
from sqlalchemy.schema import CreateTable, DropTable

from saas.core import audit
from saas.core.database import db
from tenants import isolation
from tenants.backend.collections import design
from tenants.backend.collections.design import Collection, Field
from tenants.backend.collections.errors import BadCollection, CollectionExists, UnknownCollection, unless_dropped
from tenants.backend.collections.models import CatalogueEntry
from tenants.usage import over, stocks
from tenants.usage.limits import COLLECTIONS, RECORDS

MOST_COUNTED = 10_000

_DUPLICATE = {"42P07", "42710", "23505"}  # a table, a type or a row of that name exists


def create(collection: Collection, *, actor: str) -> None:
    """Make the table and its entry. Raises BadCollection, CollectionExists and LimitReached."""
    design.check(collection)
    if len(every()) >= design.MOST_COLLECTIONS:
        raise BadCollection(f"A workspace has at most {design.MOST_COLLECTIONS} collections. Drop one first.")
    stocks.add(COLLECTIONS)
    entry = CatalogueEntry(name=collection.name, label=collection.label, fields=collection.fields_as_json())
    try:
        with isolation.design():
            db.session.execute(CreateTable(collection.table))
        db.session.add(entry)
        db.session.flush()  # for the name's unique constraint
    except (ProgrammingError, IntegrityError) as error:
        if getattr(error.orig, "pgcode", None) in _DUPLICATE:
            raise CollectionExists(collection.name) from None
        raise
    audit.record("collection.created", actor=actor, tenant=isolation.bound(), name=collection.name)


def drop(collection: Collection, *, actor: str) -> None:
    """Remove the table with all its records, and its entry. Raises UnknownCollection when somebody was faster."""
    stocks.take(COLLECTIONS)
    stocks.hold(RECORDS)  # waits for whoever adds or deletes a record, since they lock in this order too
    with unless_dropped(collection.name):
        stocks.take(RECORDS, db.session.scalar(sa.select(sa.func.count()).select_from(collection.table)) or 0)
        with isolation.design():
            db.session.execute(DropTable(collection.table))
    db.session.execute(sa.delete(CatalogueEntry).where(CatalogueEntry.name == collection.name))
    audit.record("collection.dropped", actor=actor, tenant=isolation.bound(), name=collection.name)


def every() -> list[Collection]:
    """The bound tenant's collections, by label."""
    return _every(_allowed())


def newest_beyond(allowed: int) -> list[Collection]:
    """Those of the bound tenant that would be read-only if a plan allowed so many, by label."""
    return [collection for collection in _every(allowed) if collection.read_only]


def get(name: str) -> Collection:
    """Raises UnknownCollection."""
    query = sa.select(CatalogueEntry, _beyond(_allowed())).where(CatalogueEntry.name == name)
    row = db.session.execute(query).one_or_none()
    if row is None:
        raise UnknownCollection(name)
    return _value(row[0], read_only=row[1])


def counts(collections: list[Collection]) -> dict[str, int | str]:
    """How many records each has, in one query; "10,000+" where there are more, since counting on takes its time."""
    if not collections:
        return {}
    each = [
        sa.select(sa.func.count())
        .select_from(sa.select(c.table.c.id).limit(MOST_COUNTED + 1).subquery())
        .scalar_subquery()
        .label(c.name)
        for c in collections
    ]
    found = db.session.execute(sa.select(*each)).mappings().one()
    return {c.name: n if (n := found[c.name]) <= MOST_COUNTED else f"{MOST_COUNTED:,}+" for c in collections}


def _every(allowed: int | None) -> list[Collection]:
    entries = db.session.scalars(sa.select(CatalogueEntry).order_by(CatalogueEntry.label)).all()
    oldest_first = sorted(entries, key=lambda entry: (entry.created_at, entry.id))
    beyond = set() if allowed is None else {entry.name for entry in oldest_first[allowed:]}
    return [_value(entry, read_only=entry.name in beyond) for entry in entries]


def _allowed() -> int | None:
    """How many the plan allows where the workspace of this request has more; None: all that it has."""
    found = over.now(COLLECTIONS)
    return found.allowed if found else None


def _beyond(allowed: int | None) -> sa.ColumnElement[bool]:
    """Whether as many collections as are `allowed` were there before this one."""
    if allowed is None:
        return sa.false()
    older = aliased(CatalogueEntry)
    made = sa.tuple_(older.created_at, older.id) < sa.tuple_(CatalogueEntry.created_at, CatalogueEntry.id)
    return sa.select(sa.func.count()).select_from(older).where(made).scalar_subquery() >= allowed


def _value(entry: CatalogueEntry, *, read_only: bool) -> Collection:
    return Collection(entry.name, entry.label, tuple(Field(**field) for field in entry.fields), read_only)
