"""What a room or a module of your own adds to every tenant, said in one place (docs/extend.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Blueprint, current_app

from tenants.members.permissions import Permission

ADDED = "freehold.modules"  # the application's extension, and the entry points' group


class ModuleUnfit(Exception):
    """A module can't be added as it is; the text names it and says what to mend. The application does not start."""


@dataclass(frozen=True)
class MenuEntry:
    """A line of the workspace's menu, for those who have the permission."""

    area: str  # what a page says in its `area` block when it is this entry's
    label: str
    endpoint: str
    symbol: str  # an icon of components.html
    permission: Permission


@dataclass(frozen=True)
class Module:
    """Pages ask for a member and the API for a key before any view runs; each view says which permission it needs.

    Permissions, limits and jobs are defined as the module's code is imported.
    """

    name: str
    pages: tuple[Blueprint, ...] = ()  # on the workspace's host
    api: tuple[Blueprint, ...] = ()  # below /api/v1
    menu: tuple[MenuEntry, ...] = ()
    # The revisions of its tables in each tenant's schema; where it is found, its folder `migrations` if there is one.
    migrations: Path | None = None
    # For the tests of isolation, permissions and jobs, where they can't make it up: by endpoint or job, what its owner
    # sends ({"data": …} or {"json": …}) or the job's arguments ({"args": …}).
    samples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def tables(self) -> str:
        """How its tables' names begin, and nobody else's, since a module's name has no underscore."""
        return f"fh_{self.name}_"

    @property
    def blueprints(self) -> set[str]:
        return {blueprint.name for blueprint in (*self.pages, *self.api)}


def added() -> tuple[Module, ...]:
    """The modules of whoever runs this application, by name; our own rooms are not among them."""
    modules: tuple[Module, ...] = current_app.extensions.get(ADDED, ())
    return modules
