"""What the tests of added modules (docs/extend.md) make up for them: rows, addresses, bodies, arguments of jobs.

Where that can't be made up, a module says it in its `samples`, in which MARK stands for a text to look for:
{"helpdesk.add": {"data": {"subject": "MARK"}}, "helpdesk.show": {"path": {"id": "tickets"}}, "helpdesk.close":
{"args": ["tickets"]}}, where "tickets" stands for the id of a row of that table.
"""

import gc
import importlib
import inspect
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from saas.core.database import Base, db, transaction
from saas.core.ids import uuid7
from saas.core.jobs import registry
from saas.core.jobs.registry import Handler
from tenants.isolation import TenantBase
from tenants.members import permissions
from tenants.modules import ADDED, Module
from tenants.usage import limits
from tests.support.contexts import context
from tests.support.people import Person

CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


def added(app: Flask) -> tuple[Module, ...]:
    modules: tuple[Module, ...] = app.extensions[ADDED]
    return modules


def blueprints(app: Flask) -> set[str]:
    """The blueprints of added modules: what is tried here, and not by the tests of our own rooms."""
    return {name for module in added(app) for name in module.blueprints}


@contextmanager
def forgotten(folder: Path) -> Iterator[None]:
    """What the modules in a folder define inside is gone afterwards, as it is when a process has ended."""
    gc.collect()  # SQLAlchemy knows a model by its name until it is collected, and warns of a second one
    tables: Any = [permissions._table, limits._table, registry._handlers]
    kept, path = [dict(table) for table in tables], list(sys.path)
    models = [(base.metadata, set(base.metadata.tables)) for base in (TenantBase, Base)]
    try:
        yield
    finally:
        for table, before in zip(tables, kept, strict=True):
            table.clear()
            table.update(before)
        for metadata, known in models:
            for name in set(metadata.tables) - known:
                metadata.remove(metadata.tables[name])
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(f"{folder.resolve()}/"):
                del sys.modules[name]
        sys.path[:] = path
        importlib.invalidate_caches()


@dataclass
class Rows:
    """One row in each of a module's tables, in one tenant; all its texts are the mark. What is sent holds another."""

    mark: str
    sent: str
    ids: dict[str, Any] = field(default_factory=dict)  # by the table's name without its prefix


@dataclass(frozen=True)
class Attempt:
    """One route and method, with the owner's rows in its address and body."""

    endpoint: str
    method: str
    path: str  # below /api/v1 for the API's
    options: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.endpoint})"


def tables(module: Module) -> list[sa.Table]:
    return [table for table in TenantBase.metadata.sorted_tables if table.name.startswith(module.tables)]


def plant(app: Flask, module: Module, tenant: str) -> Rows:
    """Put a row into each of the module's tables, and count it where the module counts."""
    rows = Rows(secrets.token_hex(8), secrets.token_hex(8))
    with context(app, tenant) as session, transaction():
        for table in tables(module):
            values = {column.name: _value(column, rows, module) for column in table.c if _wanted(column)}
            session.execute(sa.insert(table).values(values))
            rows.ids[table.name.removeprefix(module.tables)] = values.get("id")
    return rows


def holdings(app: Flask, module: Module, tenant: str) -> list[str]:
    """All rows of the module's tables in a tenant, and what is counted of its limits."""
    found = []
    with context(app, tenant) as session:
        for table in tables(module):
            row = sa.cast(sa.func.to_jsonb(sa.literal_column(f"{table.name}.*")), sa.Text).label("row")
            found += [f"{table.name} {text}" for text in session.scalars(sa.select(row).select_from(table))]
        counted = "SELECT resource || ' ' || used FROM platform.usage WHERE tenant = :tenant AND resource LIKE :prefix"
    with app.app_context():
        values = {"tenant": tenant, "prefix": f"{module.name}.%"}
        found += db.session.scalars(sa.text(counted), values)
    return sorted(found)


def attempts(app: Flask, module: Module, owner: Person, rows: Rows) -> Iterator[Attempt]:
    """Each route and method of the module."""
    names = module.blueprints
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in names:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield _attempt(app, module, owner, rows, rule, method)


def is_api(module: Module, attempt: Attempt) -> bool:
    return attempt.endpoint.partition(".")[0] in {blueprint.name for blueprint in module.api}


def handlers(module: Module) -> list[Handler]:
    return [handler for handler in registry.handlers() if handler.name.startswith(f"{module.name}.")]


def arguments(module: Module, handler: Handler, rows: Rows) -> list[Any]:
    """What the module says, or else the first table's id for each argument without a default."""
    if "args" in (sample := module.samples.get(handler.name, {})):
        return [str(rows.ids.get(word, word)) for word in sample["args"]]
    wanted = [
        parameter
        for parameter in inspect.signature(handler.effect).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL
    ]
    first = next(iter(rows.ids.values()), None)
    return [str(first) for _ in wanted]


def _attempt(app: Flask, module: Module, owner: Person, rows: Rows, rule: Rule, method: str) -> Attempt:
    sample = module.samples.get(rule.endpoint, {})
    values = {name: _argument(module, rule, name, sample, rows) for name in rule.arguments}
    path = app.url_map.bind("localhost").build(rule.endpoint, values, method)
    options = {kind: _marked(sample[kind], rows.sent) for kind in ("data", "json") if kind in sample}
    made = Attempt(rule.endpoint, method, path.removeprefix("/api/v1"), options)
    if method in CHANGES and not options:
        made.options.update(_body(app, module, made, owner, rows))
    return made


def _argument(module: Module, rule: Rule, name: str, sample: Any, rows: Rows) -> Any:
    table = sample.get("path", {}).get(name)
    if table is None and len(rows.ids) == 1:
        (table,) = rows.ids
    if table is None:
        table = next((known for known in rows.ids if known.startswith(name.removesuffix("_id"))), None)
    assert table in rows.ids, (
        f"{rule.endpoint}: say in the samples of {module.name} which table's row {name} stands for"
    )
    return rows.ids[table]


def _body(app: Flask, module: Module, attempt: Attempt, owner: Person, rows: Rows) -> dict[str, Any]:
    """The form that one of the module's pages has for this address, filled in; of the API, the texts of a row."""
    if is_api(module, attempt):
        texts = {
            column.name: rows.sent
            for table in tables(module)
            for column in table.c
            if isinstance(column.type, sa.String)
        }
        return {"json": texts} if attempt.method != "DELETE" else {}
    for entry in module.menu:
        page = owner.open(app.url_map.bind("localhost").build(entry.endpoint))
        for form in page.forms:
            if form.action.endswith(attempt.path):
                return {"data": {name: value or rows.sent for name, value in form.fields.items()}}
    return {"data": {}}


def _marked(value: Any, mark: str) -> Any:
    if isinstance(value, dict):
        return {name: _marked(part, mark) for name, part in value.items()}
    return value.replace("MARK", mark) if isinstance(value, str) else value


def _wanted(column: sa.Column[Any]) -> bool:
    """What has a default is left to it, unless it is the key, which is needed for the addresses."""
    if column.primary_key:
        return not isinstance(column.type, sa.Integer)
    return column.server_default is None and (column.default is None or isinstance(column.type, sa.String))


def _value(column: sa.Column[Any], rows: Rows, module: Module) -> Any:
    for key in column.foreign_keys:
        return rows.ids.get(key.column.table.name.removeprefix(module.tables))
    if isinstance(column.type, sa.Enum):
        return column.type.enums[0]
    made: dict[type, Any] = {
        str: rows.mark,
        UUID: uuid7(),
        bool: True,
        int: 1,
        Decimal: Decimal(1),
        float: 1.0,
        datetime: datetime.now(UTC),
        date: datetime.now(UTC).date(),
        bytes: rows.mark.encode(),
        dict: {"mark": rows.mark},
    }
    return made[column.type.python_type]
