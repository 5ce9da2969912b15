"""A call of the API, and the table of those that are stood in for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.sandbox.account import Account
from billing.sandbox.errors import NotStoodIn
from billing.sandbox.protocol import catalogue
from billing.sandbox.values import Obj


@dataclass(frozen=True)
class Call:
    account: Account
    params: dict[str, Any]  # checked
    ids: tuple[str, ...]  # what stands in the path's places
    path: str

    def takes(self, names: str) -> dict[str, Any]:
        """The parameters, when all are among `names`. Raises NotStoodIn rather than pass over one in silence."""
        for name in self.params:
            if name not in {"expand", *names.split()}:
                raise NotStoodIn(f"The stand-in for Stripe does not do the parameter {name}.", None, name)
        return self.params


Handler = Callable[[Call], Obj]

_HANDLERS: dict[tuple[str, str], Handler] = {}


def handles(verb: str, path: str) -> Callable[[Handler], Handler]:
    """Register what answers an endpoint; `path` is written as stripe-python writes it."""

    def register(handler: Handler) -> Handler:
        _HANDLERS[verb, path] = handler
        return handler

    return register


def handler(endpoint: catalogue.Endpoint) -> Handler | None:
    return _HANDLERS.get((endpoint.verb, endpoint.path))


def handled() -> list[tuple[str, str]]:
    return list(_HANDLERS)
