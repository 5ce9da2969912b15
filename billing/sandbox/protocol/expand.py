"""`expand`: ids in an answer become the objects they name, and what is only shown on request is added."""

from collections.abc import Callable
from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.values import Obj

Includer = Callable[[Account, Obj], Any]

_INCLUDABLE: dict[tuple[str, str], Includer] = {}
_MOST_LEVELS = 4


def includes(kind: str, field: str) -> Callable[[Includer], Includer]:
    """Register what makes a field that Stripe leaves out unless it is asked for."""

    def register(includer: Includer) -> Includer:
        _INCLUDABLE[kind, field] = includer
        return includer

    return register


def expanded(account: Account, answer: Obj, paths: list[str]) -> Obj:
    for number, path in enumerate(paths):
        parts = path.split(".")
        if len([part for part in parts if part != "data"]) > _MOST_LEVELS:
            raise ApiError(
                f"You cannot expand more than {_MOST_LEVELS} levels of a property.", param=f"expand[{number}]"
            )
        if not _expand(account, answer, parts):
            raise ApiError(
                f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}' instead."
                if answer.get("object") == "list"
                else f"This property cannot be expanded ({path}).",
                param=f"expand[{number}]",
            )
    return answer


def _expand(account: Account, node: Any, parts: list[str]) -> bool:
    """Whether there is such a property. What is null stays so."""
    if isinstance(node, list):
        return all(_expand(account, item, parts) for item in node)
    if not isinstance(node, dict) or not parts:
        return not parts or node is None
    if node.get("deleted"):  # of which only the mark is left
        return True
    name, *rest = parts
    include = _INCLUDABLE.get((node.get("object", ""), name))
    if include and not isinstance(node.get(name), dict):
        node[name] = include(account, node)
    elif name not in node or name == "id":
        return False
    elif isinstance(node[name], str):
        if (found := account.find(node[name])) is None:
            return False
        node[name] = found
    elif isinstance(node[name], list) and all(isinstance(item, str) for item in node[name]):
        node[name] = [account.find(item) or item for item in node[name]]
    return _expand(account, node[name], rest)
