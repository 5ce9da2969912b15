"""Bodies and query strings as Stripe encodes them: `items[0][price]=…`."""

import re
from typing import Any
from urllib.parse import parse_qsl

from billing.sandbox.errors import ApiError

_PART = re.compile(r"\[([^\[\]]*)\]")
_MOST_LEVELS = 10


def decoded(text: str) -> dict[str, Any]:
    """A tree of dicts, lists and strings."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        _put(root, _path(name), value, name)
    return {key: _listed(value) for key, value in root.items()}


def _path(name: str) -> list[str]:
    head, bracket, _ = name.partition("[")
    path = [head, *_PART.findall(name[len(head) :])]
    if (
        not head
        or len(path) > _MOST_LEVELS
        or (bracket and "".join(f"[{part}]" for part in path[1:]) != name[len(head) :])
    ):
        raise ApiError(f"Received unknown parameter: {name}", "parameter_unknown", name)
    return path


def _put(node: dict[str, Any], path: list[str], value: str, name: str) -> None:
    for part in path[:-1]:
        node = node.setdefault(part or str(len(node)), {})
        if not isinstance(node, dict):
            raise ApiError(f"Invalid object: {name} is given as a value too", param=name)
    node[path[-1] or str(len(node))] = value


def _listed(node: Any) -> Any:
    """Hashes whose keys count from 0 are arrays."""
    if not isinstance(node, dict):
        return node
    values = {key: _listed(value) for key, value in node.items()}
    if values and set(values) == {str(number) for number in range(len(values))}:
        return [values[str(number)] for number in range(len(values))]
    return values
