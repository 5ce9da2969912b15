"""Finds the modules of whoever runs Freehold: installed packages, and the packages in a folder (docs/extend.md).

A module is trusted code, as ours is. What is checked here are mistakes, before anybody meets them.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from saas.core.database import Base
from saas.core.jobs import registry
from tenants.isolation import TenantBase
from tenants.members import permissions
from tenants.modules import ADDED, Module, ModuleUnfit
from tenants.usage import limits

Defined = dict[str, set[str]]  # by kind, the names of what there is


def discover(folder: Path | None) -> tuple[Module, ...]:
    """All modules, by name. Raises ModuleUnfit, which names the first that can't be used."""
    found = [
        _load(f"package {point.name}", partial(import_module, point.module), point.attr or "MODULE")
        for point in entry_points(group=ADDED)
    ]
    found += [_load(f"folder {path}", partial(_import, path)) for path in _packages(folder)]
    return tuple(sorted(found, key=lambda module: module.name))


def _packages(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        return
    if not folder.is_dir():
        raise ModuleUnfit(f"MODULES_DIR: there is no folder {folder.absolute()}")
    for path in sorted(folder.resolve().iterdir()):
        if path.is_dir() and path.name.isidentifier() and not path.name.startswith("_"):
            yield path


def _import(path: Path) -> ModuleType:
    """The package in a folder, importable by its name for as long as this process lives, as RQ needs it."""
    if not (path / "__init__.py").is_file():
        raise ModuleUnfit(f"{path} is no package: put an __init__.py with its MODULE there")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # at the end: it shadows nothing
    found = import_module(path.name)
    if Path(found.__file__ or "").parent != path:
        raise ModuleUnfit(f"{path}: Python has another package called {path.name} already; rename the folder")
    return found


def _load(where: str, load: Callable[[], ModuleType], attribute: str = "MODULE") -> Module:
    before = _defined()
    try:
        package = load()
    except ModuleUnfit:
        raise
    except Exception as error:  # whatever somebody else's code does when it is imported
        raise ModuleUnfit(f"{where} does not import: {type(error).__name__}: {error}") from error
    module = getattr(package, attribute, None)
    if not isinstance(module, Module):
        raise ModuleUnfit(f"{where} has no {attribute}: write `{attribute} = Module(…)` in its __init__.py")
    folder = Path(package.__file__ or "").with_name("migrations")
    if module.migrations is None and folder.is_dir():
        module = replace(module, migrations=folder)
    _check_names(module, before)
    return module


def _check_names(module: Module, before: Defined) -> None:
    """What it defines bears its name, so that no two modules, nor a later room of ours, ever clash."""
    new = {kind: sorted(names - before[kind]) for kind, names in _defined().items()}
    prefixes = {"permission": f"{module.name}.", "limit": f"{module.name}.", "job": f"{module.name}."}
    for kind, names in new.items():
        for name in names:
            if kind == "platform table":
                raise ModuleUnfit(f"{module.name}: {name} would lie in our schema; derive its model from TenantBase")
            prefix = prefixes.get(kind, module.tables)
            if not name.startswith(prefix):
                raise ModuleUnfit(f"{module.name}: the {kind} {name} needs a name that starts with {prefix}")
    if new["table"] and module.migrations is None:
        raise ModuleUnfit(f"{module.name}: nothing makes its tables; put a folder `migrations` beside its __init__.py")


def _defined() -> Defined:
    return {
        "permission": {permission.name for permission in permissions.every()},
        "limit": {limit.name for limit in limits.every()},
        "job": {handler.name for handler in registry.handlers()},
        "table": set(TenantBase.metadata.tables),
        "platform table": set(Base.metadata.tables),
    }
