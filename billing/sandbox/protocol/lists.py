"""Pages of lists: newest first, `limit`, `starting_after`, `ending_before`, `created`."""

from typing import Any

from billing.sandbox.errors import ApiError, no_such
from billing.sandbox.protocol.calls import Call
from billing.sandbox.values import Obj, list_of

_COMPARE = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}


def page(call: Call, kind: str, *filters: str) -> Obj:
    """All objects of a kind whose fields are as the parameters named in `filters` say."""
    equal = {name: call.params[name] for name in filters if name in call.params}
    return paged(call, call.account.all(kind, **equal))


def unfiltered(call: Call, kind: str) -> Obj:
    """As `page` says, of a kind of which there are very many; reads no more of them than it shows, where it can."""
    if set(call.params) - {"ending_before", "expand", "limit"}:
        return page(call, kind)
    limit, after = _limit(call), call.params.get("ending_before")
    if after is not None and (call.account.find(after) or {}).get("object") != kind:
        raise no_such("object", after, "ending_before")
    found = call.account.some(kind, limit + 1, after)
    shown = found[:limit] if after is None else found[:limit][::-1]
    return list_of(shown, call.path, has_more=len(found) > limit)


def paged(call: Call, found: list[Obj]) -> Obj:
    if "created" in call.params:
        found = [obj for obj in found if _created(obj["created"], call.params["created"])]
    limit = _limit(call)
    if "ending_before" in call.params:
        before = found[: _position(found, call.params["ending_before"], "ending_before")]
        return list_of(before[-limit:], call.path, has_more=len(before) > limit)
    if "starting_after" in call.params:
        found = found[_position(found, call.params["starting_after"], "starting_after") + 1 :]
    return list_of(found[:limit], call.path, has_more=len(found) > limit)


def _limit(call: Call) -> int:
    limit: int = call.params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise ApiError("This value must be between 1 and 100 (inclusive).", "parameter_invalid_integer", "limit")
    return limit


def _position(found: list[Obj], wanted: str, param: str) -> int:
    for number, obj in enumerate(found):
        if obj["id"] == wanted:
            return number
    raise no_such("object", wanted, param)


def _created(value: int, wanted: Any) -> bool:
    if isinstance(wanted, int):
        return value == wanted
    return all(_COMPARE[name](value, bound) for name, bound in wanted.items())
