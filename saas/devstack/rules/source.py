"""The Python files that the rules judge, and what several rules ask of a syntax tree."""

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from saas.devstack.rules.findings import Finding

ROOMS = ("saas", "tenants", "billing", "migrations", "worker.py", "wsgi.py")
MODULES = "modules/"  # in front of the paths of modules that MODULES_DIR adds
HOLE = "{}"  # stands in a text for what is only known at run time


@dataclass(frozen=True)
class Source:
    path: str  # from the root of the checkout, with forward slashes
    tree: ast.Module

    def finding(self, node: ast.AST, rule: str, message: str) -> Finding:
        return Finding(self.path, getattr(node, "lineno", 1), rule, message)

    def within(self, *folders: str) -> bool:
        return self.path.startswith(folders)

    @cached_property
    def imports(self) -> dict[str, str]:
        """What each imported name of this file stands for, e.g. `sa` for `sqlalchemy`."""
        return dict(pair for node in ast.walk(self.tree) for pair in _imported(node, self.path))

    def dotted(self, node: ast.expr) -> str:
        """The full dotted name of `sa.select` or `bind`; what is no plain name on the left becomes a hole."""
        if isinstance(node, ast.Attribute):
            return f"{self.dotted(node.value)}.{node.attr}"
        if isinstance(node, ast.Name):
            return self.imports.get(node.id, node.id)
        return HOLE


def sources(root: Path) -> list[Source]:
    """Every Python file of the rooms and of added modules; those that do not parse are ruff's to report."""
    ours = [source for room in ROOMS for path in _files(root / room) if (source := _parsed(root, path))]
    folder = os.environ.get("MODULES_DIR")
    return [*ours, *(_added(Path(folder)) if folder else [])]


def texts(tree: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Each string that the code uses, as a whole: f-strings and sums are joined, with holes for their values.

    Docstrings and other strings that stand alone are prose and left out.
    """
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.expr) and (text := _text(child)) is not None:
            yield child, text
            for hole in _holes(child):
                yield from texts(ast.Expression(hole))
        else:
            yield from texts(child)


def _added(folder: Path) -> Iterator[Source]:
    for path in _files(folder):
        if source := _parsed(folder, path):
            yield replace(source, path=f"{MODULES}{source.path}")


def _files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place] if place.is_file() else []


def _parsed(root: Path, path: Path) -> Source | None:
    try:
        return Source(path.relative_to(root).as_posix(), ast.parse(path.read_bytes()))
    except SyntaxError:
        return None


def _imported(node: ast.AST, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for name in node.names:
            # `import a.b` brings in `a`; `import a.b as c` brings in `a.b`.
            yield (name.asname, name.name) if name.asname else (name.name.partition(".")[0],) * 2
    elif isinstance(node, ast.ImportFrom):
        parents = path.split("/")[: -node.level] if node.level else []
        origin = ".".join([*parents, *filter(None, [node.module])])
        for name in node.names:
            yield name.asname or name.name, f"{origin}.{name.name}"


def _text(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return _joined(*map(_text, values)) or ""
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined(_text(left), _text(right))
        case ast.BinOp(left=left, op=ast.Mod()):
            return _text(left)
    return None


def _joined(*parts: str | None) -> str | None:
    if all(part is None for part in parts):
        return HOLE * len(parts) or None
    return "".join(HOLE if part is None else part for part in parts)


def _holes(node: ast.expr) -> Iterator[ast.expr]:
    """The expressions inside a text that are no text themselves."""
    match node:
        case ast.JoinedStr(values=values):
            yield from (value.value for value in values if isinstance(value, ast.FormattedValue))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            for side in (left, right):
                yield from [side] if _text(side) is None else _holes(side)
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            yield from _holes(left)
            yield right


def last_name(node: ast.expr) -> str:
    """`Integer` of `Integer`, `sa.Integer` and `sa.Integer()`; nothing where there is no name."""
    match node:
        case ast.Call(func=function):
            return last_name(function)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
