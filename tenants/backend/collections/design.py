"""A collection's design as a frozen value, what names it may use, and its table."""

import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from tenants.backend.collections.errors import BadCollection
from tenants.backend.collections.kinds import KINDS
from tenants.isolation.guard import is_refused_word

LONGEST_NAME = 48  # well under PostgreSQL's 63 bytes, with room for generated names
MOST_FIELDS = 100
MOST_COLLECTIONS = 100

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SYSTEM = {"id", "created_at", "updated_at", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    required: bool = False


@dataclass(frozen=True)
class Collection:
    name: str
    label: str
    fields: tuple[Field, ...]
    read_only: bool = False  # for being one of the newest, beyond what the plan allows

    @property
    def table(self) -> sa.Table:
        return _table(self.name, self.fields)

    def fields_as_json(self) -> list[dict[str, Any]]:
        return [asdict(field) for field in self.fields]


def check(collection: Collection) -> None:
    """Raise BadCollection with a message at each form field (`name`, `label`, `fields-0-name` …) that can't be used."""
    wrong: dict[str, str] = {}
    if message := _name_fault(collection.name):
        wrong["name"] = message
    elif collection.name.startswith("fh_"):
        wrong["name"] = "Names that start with fh_ are the platform's own. Choose another."
    if not collection.fields:
        wrong["fields"] = "Add at least one field."
    if len(collection.fields) > MOST_FIELDS:
        wrong["fields"] = f"Use at most {MOST_FIELDS} fields."
    seen: set[str] = set()
    for number, field in enumerate(collection.fields):
        if message := _field_fault(field, seen):
            wrong[f"fields-{number}-name"] = message
        seen.add(field.name)
    if wrong:
        raise BadCollection(fields=wrong)


def _field_fault(field: Field, seen: set[str]) -> str | None:
    if message := _name_fault(field.name):
        return message
    if field.name in _SYSTEM:
        return f"Every record has {field.name} of its own. Choose another name."
    if field.name in seen:
        return f"Two fields are called {field.name}. Rename one."
    if field.kind not in KINDS:
        return f"There is no kind {field.kind}. Choose one of {', '.join(KINDS)}."
    return None


def _name_fault(name: str) -> str | None:
    if not name:
        return "Fill in a name."
    if len(name) > LONGEST_NAME:
        return f"Use at most {LONGEST_NAME} characters."
    if not _NAME.fullmatch(name):
        return "Use small letters a to z, digits and _, with a letter first."
    if is_refused_word(name):
        return f"{name} is a name of the database itself. Choose another."
    return None


@lru_cache(maxsize=256)  # a table of a hundred columns takes some 2 MB with its statements
def _table(name: str, fields: tuple[Field, ...]) -> sa.Table:
    """The table without a schema, since the bound search path finds it; so tenants with the same design share it, and
    with it SQLAlchemy's compiled statements."""
    return sa.Table(
        quoted_name(name, True),  # always, since some of PostgreSQL's reserved words are news to SQLAlchemy
        sa.MetaData(),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        *(
            sa.Column(quoted_name(field.name, True), KINDS[field.kind].column(), nullable=not field.required)
            for field in fields
        ),
    )
