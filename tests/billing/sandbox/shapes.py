"""Holds an object against the type that the stripe package gives it: its fields, which of them must be, their types."""

import ast
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

import stripe
from stripe import _object_classes

_NOT_FIELDS = {"OBJECT_NAME", "TestHelpers"}
Fault = str


def of_object(obj: dict[str, Any]) -> list[Fault]:
    """What is wrong with an object as it came over the wire; nothing when all is well."""
    return list(_in_class(obj, class_of(obj["object"]), obj["object"]))


def class_of(kind: str) -> type:
    if kind == "event":
        return stripe.Event
    module, name = _object_classes.OBJECT_CLASSES[kind]
    found: type = getattr(importlib.import_module(module), name)
    return found


def _in_class(value: Any, wanted: type, path: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no object"
        return
    if value.get("deleted"):
        return
    known = fields(wanted)
    yield from (f"{path}.{name}: there is no such field" for name in value if name not in known)
    for name, hint in known.items():
        if name in value:
            yield from _in_hint(value[name], hint, f"{path}.{name}")
        elif not _may_be_absent(hint):
            yield f"{path}.{name}: is missing"


def _may_be_absent(hint: Any) -> bool:
    return type(None) in _members(hint)


def _in_hint(value: Any, hint: Any, path: str) -> Iterator[Fault]:
    members = _members(hint)
    words = [word for member in members if get_origin(member) is Literal for word in get_args(member)]
    if (
        words
        and value is not None
        and all(get_origin(member) is Literal or member in (str, type(None)) for member in members)
    ):
        # The package leaves lists of words open for what comes later; the stand-in has to keep to them.
        yield from [] if value in words else [f"{path}: {value!r} is none of {words}"]
        return
    of_use = [member for member in members if (member is type(None)) == (value is None)] or members
    tried = [list(_in_member(value, member, path)) for member in of_use]
    if all(tried):
        yield from min(tried, key=len)


def _in_member(value: Any, member: Any, path: str) -> Iterator[Fault]:
    origin = get_origin(member)
    if member is Any:
        return
    if origin is Literal:
        yield from [] if value in get_args(member) else [f"{path}: {value!r} is not {get_args(member)}"]
    elif origin is list:
        yield from _each(value, get_args(member)[0], path) if isinstance(value, list) else [f"{path}: no list"]
    elif getattr(origin, "__name__", "") == "ListObject":
        yield from _in_list(value, get_args(member)[0], path)
    elif getattr(origin or member, "__name__", "") in {"UntypedStripeObject", "dict"}:
        yield from _in_hash(value, (*get_args(member), Any)[-1 if origin is dict else 0], path)
    elif isinstance(member, type) and issubclass(member, stripe.StripeObject):
        yield from _in_class(value, member, path)
    elif not _is_plain(value, member):
        yield f"{path}: {value!r} is no {member}"


def _in_list(value: Any, item: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, dict) or value.get("object") != "list" or not {"data", "has_more", "url"} <= value.keys():
        yield f"{path}: no list object"
        return
    yield from _each(value["data"], item, path)


def _each(values: list[Any], item: Any, path: str) -> Iterator[Fault]:
    for number, value in enumerate(values):
        yield from _in_hint(value, item, f"{path}[{number}]")


def _in_hash(value: Any, item: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no hash"
        return
    for key, each in value.items():
        yield from _in_hint(each, item, f"{path}[{key}]")


def _is_plain(value: Any, wanted: Any) -> bool:
    if wanted is Decimal:
        return isinstance(value, str) and _is_decimal(value)
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is wanted


def _is_decimal(value: str) -> bool:
    try:
        Decimal(value)
    except InvalidOperation:
        return False
    return True


def _members(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return [member for part in get_args(hint) for member in _members(part)]
    return [hint]


@cache
def fields(wanted: type) -> dict[str, Any]:
    own = {name: hint for name, hint in inspect.get_annotations(wanted).items() if _is_field(name, hint)}
    holder = type("Own", (), {"__annotations__": own})
    return typing.get_type_hints(holder, globalns=_names(wanted.__module__))


def _is_field(name: str, hint: Any) -> bool:
    return not name.startswith("_") and name not in _NOT_FIELDS and get_origin(hint) is not ClassVar


@cache
def _names(module: str) -> dict[str, Any]:
    """What the module's annotations may name, with what it imports for type checkers only."""
    loaded = importlib.import_module(module)
    names = dict(vars(loaded))
    source = Path(sys.modules[module].__file__ or "").read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                imported = importlib.import_module(node.module)
                names.setdefault(alias.asname or alias.name, getattr(imported, alias.name, None))
    return names
