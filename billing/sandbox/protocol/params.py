"""Checks a request against the type that stripe-python gives its parameters, and turns strings into its values.

Where the type lists the allowed words, others are refused, as Stripe refuses them, though the package's own
annotation leaves the list open for words that come later.
"""

import importlib
import re
import types
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

from billing.sandbox.errors import ApiError
from billing.sandbox.protocol.catalogue import Endpoint

_WRAPPERS = (NotRequired, Required, Annotated)
_BOOLEANS = {"true": True, "false": False}
_INTEGER = re.compile(r"-?[0-9]{1,15}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?")  # twelve places at most
_MOST_METADATA, _LONGEST_KEY, _LONGEST_VALUE = 50, 40, 500


def checked(endpoint: Endpoint, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters with numbers as numbers. Raises ApiError with code and param."""
    if endpoint.module is None:
        return given
    return _hash(given, getattr(importlib.import_module(endpoint.module), endpoint.params or ""), "")


@cache
def fields(params: Any) -> dict[str, Any]:
    """Name and type of each parameter; the options of a call (its key, its version) are none of them."""
    names = {"StripeContext": object, "Mapping": Mapping}
    hints = get_type_hints(params, localns=names, include_extras=True)
    if any(getattr(base, "__name__", "") == "RequestOptions" for base in getattr(params, "__orig_bases__", ())):
        from stripe import RequestOptions  # late: importing stripe costs as much as the rest of the start

        hints = {name: hint for name, hint in hints.items() if name not in RequestOptions.__annotations__}
    return hints


def _hash(given: dict[str, Any], params: Any, path: str) -> dict[str, Any]:
    known = fields(params)
    for name in given:
        if name not in known:
            full = _under(path, name)
            raise ApiError(f"Received unknown parameter: {full}", "parameter_unknown", full)
    values = {name: _value(value, known[name], _under(path, name)) for name, value in given.items()}
    for name in sorted(params.__required_keys__ & known.keys()):
        if name not in given:
            full = _under(path, name)
            raise ApiError(f"Missing required param: {full}.", "parameter_missing", full)
    return values


def _value(given: Any, hint: Any, path: str) -> Any:
    choices = list(_choices(hint))
    if isinstance(given, dict):
        return _as_hash(given, choices, path)
    if isinstance(given, list):
        item = next((get_args(choice)[0] for choice in choices if get_origin(choice) is list), None)
        if item is None:
            return _as_hash({str(number): value for number, value in enumerate(given)}, choices, path)
        return [_value(value, item, f"{path}[{number}]") for number, value in enumerate(given)]
    return _scalar(str(given), choices, path)


def _choices(hint: Any) -> list[Any]:
    """A union's members, without what only wraps them."""
    origin = get_origin(hint)
    if origin in _WRAPPERS:
        return _choices(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        return [choice for member in get_args(hint) for choice in _choices(member)]
    return [hint]


def _as_hash(given: dict[str, Any], choices: list[Any], path: str) -> dict[str, Any]:
    for choice in choices:
        if is_typeddict(choice):
            return _hash(given, choice, path)
        if get_origin(choice) is dict:
            item = get_args(choice)[1]
            if path.endswith("metadata"):
                _fits_metadata(given, path)
            return {key: _entry(value, item, f"{path}[{key}]") for key, value in given.items()}
    if any(get_origin(choice) is list for choice in choices):
        raise ApiError("Invalid array", param=path)
    raise ApiError(f"Invalid {_wanted(choices)}: {given}", _code(choices), path)


def _fits_metadata(given: dict[str, Any], path: str) -> None:
    if len(given) > _MOST_METADATA:
        raise ApiError(f"Metadata can have up to {_MOST_METADATA} keys, but you passed in {len(given)}.", param=path)
    for key, value in given.items():
        if len(key) > _LONGEST_KEY:
            raise ApiError(f"Metadata keys can be up to {_LONGEST_KEY} characters long: {key}", param=path)
        if len(str(value)) > _LONGEST_VALUE:
            told = f"Metadata values can have up to {_LONGEST_VALUE} characters, but you passed in {len(str(value))}."
            raise ApiError(told, param=f"{path}[{key}]")


def _entry(value: Any, hint: Any, path: str) -> Any:
    """An empty value in a hash of strings, such as metadata, takes its key away."""
    return value if value == "" else _value(value, hint, path)


def _scalar(given: str, choices: list[Any], path: str) -> Any:
    words = [word for choice in choices if get_origin(choice) is Literal for word in get_args(choice)]
    if given in words:
        return given
    for choice in choices:
        if choice in _PARSERS and (parsed := _PARSERS[choice](given)) is not None:
            return parsed
    named = [word for word in words if word != ""]
    if str in choices and not named and given:
        return given
    if not given:
        message = (
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; "
        )
        raise ApiError(f"{message}however '{path}' cannot be unset.", "parameter_invalid_empty", path)
    if named:
        raise ApiError(f"Invalid {path}: must be one of {', '.join(map(str, named))}", param=path)
    raise ApiError(f"Invalid {_wanted(choices)}: {given}", _code(choices), path)


def _integer(given: str) -> int | None:
    return int(given) if _INTEGER.fullmatch(given) else None


def _number(given: str) -> str | float | None:
    try:
        return float(given)
    except ValueError:
        return None


def _decimal(given: str) -> str | None:
    """Stripe takes and shows decimals as strings, so that none is a float on its way."""
    return given if _DECIMAL.fullmatch(given) else None


_PARSERS: dict[Any, Any] = {int: _integer, float: _number, bool: _BOOLEANS.get, Decimal: _decimal}


def _wanted(choices: list[Any]) -> str:
    names = {int: "integer", float: "decimal", Decimal: "decimal", bool: "boolean", str: "string"}
    for choice in choices:
        if choice in names:
            return names[choice]
        if get_origin(choice) is list:
            return "array"
    return "object"


def _code(choices: list[Any]) -> str | None:
    """Stripe has a code of its own for few of them."""
    return {"integer": "parameter_invalid_integer", "string": "parameter_invalid_string_empty"}.get(_wanted(choices))


def _under(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name
