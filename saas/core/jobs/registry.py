"""Which jobs there are: one registry of names, filled as the rooms' `tasks` modules are imported."""

from collections.abc import Callable
from typing import Any

from saas.core.jobs.runner import Handler, Queue, Scope


class UnknownJob(LookupError):
    """No handler has this name; it is registered where its module is imported, in `saas/app.py`."""


_handlers: dict[str, Handler] = {}


def handler(
    name: str,
    *,
    queue: Queue = "fast",
    scope: Scope = "platform",
    limit_seconds: int = 60,
    max_tries: int = 8,
    every: int | None = None,
    outside: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., None]], Handler]:
    """Register the decorated function as the effect of jobs called `name`."""

    def register(effect: Callable[..., None]) -> Handler:
        path = f"{effect.__module__}.{effect.__name__}"
        made = Handler(name, queue, scope, limit_seconds, max_tries, every, path, effect, outside)
        if _handlers.setdefault(name, made).path != path:
            raise ValueError(f"two handlers are called {name}")
        return made

    return register


def get(name: str) -> Handler:
    """Raises UnknownJob."""
    try:
        return _handlers[name]
    except KeyError:
        raise UnknownJob(name) from None


def handlers() -> list[Handler]:
    return list(_handlers.values())
