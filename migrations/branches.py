"""The branches of the tenants' tree: ours, and one for each module that has tables (docs/decisions/0005).

Alembic is imported where it is used: the application is built in each process, and most never migrate.
"""

import io
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from tenants.models import Tenant
from tenants.modules import Module, ModuleUnfit, added

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory

HERE = Path(__file__).parent

_ABOUT = re.compile(  # the table, or the index to be dropped, that a statement is about
    r"""(?isx) (?: (?:create\ table|alter\ table|drop\ (?:table|index)) (?:\ if\ (?:not\ )?exists)?
                 | create\ (?:unique\ )?index\ .*?\ on
                 | comment\ on\ (?:table|column) | insert\ into | update | delete\ from
               ) (?:\ only)? \s+ "?(?P<name>\w+)"?(?!["\w]) .*"""
)
_SETS_A_TIMEOUT = re.compile(r"(?i)set local (?:lock|statement)_timeout\b.*")


@dataclass(frozen=True)
class Branch:
    """A line of revisions, and where a tenant's row says how far its schema is on it."""

    module: str | None  # None: our own
    folder: Path

    @property
    def name(self) -> str:
        return self.module or "tenants"

    @property
    def at(self) -> sa.ColumnElement[str | None]:
        return Tenant.module_revisions[self.module].astext if self.module else sa.cast(Tenant.revision, sa.String)

    def reached(self) -> dict[str, Any]:
        """What to write into the row of a tenant that is at this branch's head."""
        if self.module is None:
            return {"revision": self.head()}
        return {"module_revisions": Tenant.module_revisions.op("||")(sa.cast({self.module: self.head()}, JSONB))}

    def behind(self) -> sa.ColumnElement[bool]:
        return sa.and_(Tenant.revision.is_not(None), self.at.is_distinct_from(self.head()))

    def head(self) -> str:
        return _head(self.folder)

    def script(self, since: str | None) -> str:
        """The SQL that takes a schema from a revision, or from nothing, to head.

        Raises ModuleUnfit when schemas are at a revision that the folder does not have.
        """
        from alembic.script.revision import RevisionError

        try:
            return _render(self.folder, since)
        except RevisionError as error:
            if since is None:
                raise
            raise ModuleUnfit(
                f"{self.name}: there are schemas at revision {since}, which {self.folder} does not have; "
                "bring back the version that has it"
            ) from error


def every() -> list[Branch]:
    """Ours first, on which the others may build."""
    return [ours(), *(branch for module in added() if (branch := of(module)))]


def ours() -> Branch:
    return Branch(None, HERE / "tenant" / "versions")


def of(module: Module) -> Branch | None:
    return Branch(module.name, module.migrations) if module.migrations else None


def check(module: Module) -> None:
    """Raises ModuleUnfit unless the module's revisions are one line that bears its name and keeps to its own tables."""
    branch = of(module)
    if branch is None:
        return
    try:
        revisions = steps(branch.folder, None)
        script = branch.script(None)
    except Exception as error:  # whatever is in those files
        raise ModuleUnfit(f"{module.name}: {branch.folder}: {type(error).__name__}: {error}") from error
    if not revisions:
        raise ModuleUnfit(f"{module.name}: {branch.folder} holds no revisions")
    if revisions[0].branch_labels != {module.name}:
        raise ModuleUnfit(f'{module.name}: its first revision needs `branch_labels = ("{module.name}",)`')
    for statement in filter(None, map(str.strip, script.split(";"))):
        _check_statement(module, statement)


def _check_statement(module: Module, statement: str) -> None:
    """It runs as the owner of all schemas, so it is as narrow as can be."""
    if _SETS_A_TIMEOUT.fullmatch(statement):
        return
    about = _ABOUT.fullmatch(statement)
    if about is None or not about["name"].startswith(module.tables):
        line = " ".join(statement.split())[:80]
        raise ModuleUnfit(f"{module.name}: a migration is about its own tables, {module.tables}…, and not: {line}")
    if statement[:12].lower() == "create table" and not re.search(r"(?i)\bprimary key\b", statement):
        raise ModuleUnfit(f"{module.name}: {about['name']} needs a primary key")


def steps(folder: Path, since: str | None) -> "list[Script]":
    """The revisions behind `since`, the first one first."""
    return list(reversed(list(_directory(folder).iterate_revisions("head", since or "base"))))


@lru_cache(maxsize=32)
def _render(folder: Path, since: str | None) -> str:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    buffer = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer})
    with Operations.context(context):
        for step in steps(folder, since):
            step.module.upgrade()
    return buffer.getvalue()


@lru_cache(maxsize=32)
def _head(folder: Path) -> str:
    return _directory(folder).get_current_head() or ""


def _directory(folder: Path) -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(HERE / "tenant"), version_locations=[str(folder)])
