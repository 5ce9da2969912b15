"""Every endpoint that stripe-python knows, read from its `*_service.py`: verb, path, and the type of its parameters.

The files are read as text: importing all of them takes seconds, this takes a few hundredths of one.
"""

import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_METHOD = re.compile(r"\n    (?=(?:async )?def )")
_REQUEST = re.compile(r'self\._request(?:_stream)?\(\s*"(\w+)",\s*"([^"]+)"')
_PARAMS = re.compile(r'\bparams:\s*(?:Optional\[\s*)?"(\w+)"')
_IMPORT = re.compile(r"from (stripe\.params[\w.]*) import (?:\(\s*)?(\w+)")
_PLACE = re.compile(r"\{\w+\}")


@dataclass(frozen=True)
class Endpoint:
    verb: str
    path: str  # with {names}
    module: str | None  # where the type of its parameters is
    params: str | None


def endpoints() -> list[Endpoint]:
    return list(_by_route().values())


def find(verb: str, path: str) -> tuple[Endpoint, tuple[str, ...]] | None:
    """The endpoint of a request and what stands in its places. Fixed words win over places."""
    parts = path.strip("/").split("/")
    best: tuple[int, Endpoint, tuple[str, ...]] | None = None
    for endpoint, pattern in _by_shape().get((verb, len(parts)), ()):
        if (found := _fits(pattern, parts)) is not None and (best is None or len(found) < best[0]):
            best = (len(found), endpoint, found)
    return best[1:] if best else None


def verbs(path: str) -> list[str]:
    """The verbs that a path takes."""
    return [verb for verb in ("get", "post", "delete") if find(verb, path)]


def _fits(pattern: list[str | None], parts: list[str]) -> tuple[str, ...] | None:
    places = []
    for expected, part in zip(pattern, parts, strict=True):
        if expected is None:
            if not part:
                return None
            places.append(part)
        elif expected != part:
            return None
    return tuple(places)


@cache
def _by_shape() -> dict[tuple[str, int], list[tuple[Endpoint, list[str | None]]]]:
    """By the verb and the number of parts, which are None where a place is."""
    shapes: dict[tuple[str, int], list[tuple[Endpoint, list[str | None]]]] = {}
    for endpoint in endpoints():
        parts = endpoint.path.strip("/").split("/")
        pattern = [None if _PLACE.fullmatch(part) else part for part in parts]
        shapes.setdefault((endpoint.verb, len(pattern)), []).append((endpoint, pattern))
    return shapes


@cache
def _by_route() -> dict[tuple[str, str], Endpoint]:
    routes: dict[tuple[str, str], Endpoint] = {}
    for file in sorted(_package().rglob("*_service.py")):
        text = file.read_text("utf-8")
        modules = {name: module for module, name in _IMPORT.findall(text)}
        for block in _METHOD.split(text):
            if not block.startswith("async") and (found := _REQUEST.search(block)):
                params = _PARAMS.search(block)
                name = params[1] if params else None
                made = Endpoint(found[1], found[2], modules.get(name or ""), name)
                routes.setdefault((made.verb, _PLACE.sub("{}", made.path)), made)
    return routes


def _package() -> Path:
    """Found without importing it."""
    spec = importlib.util.find_spec("stripe")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package stripe is not installed")
    return Path(spec.origin).parent
