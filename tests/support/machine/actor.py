"""Who takes the steps."""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import Flask
from flask.ctx import AppContext
from sqlalchemy.orm import SessionTransaction

from tenants import isolation
from tests.support.threads import MOST_WAIT


@dataclass
class Actor:
    """A thread with a context, and what the context is to be."""

    app: Flask
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    context: AppContext | None = None
    tenant: str | None = None
    scope: str = "work"  # of the transaction
    scopes: list[contextlib.ExitStack] = field(default_factory=list)  # the blocks it stands in
    savepoints: list[SessionTransaction] = field(default_factory=list)
    failed: bool = False  # the transaction takes nothing but a rollback
    lost: bool = False  # its connection is gone

    def do(self, call: Callable[[], Any]) -> Any:
        return self.thread.submit(call).result(MOST_WAIT)

    def open(self, tenant: str | None) -> None:
        if self.context is None:
            self.context = self.app.app_context()
            self.do(self.context.push)
            if tenant is not None:
                self.do(partial(isolation.bind, tenant))
            self.tenant = tenant

    def ended(self) -> None:
        """The transaction has ended; the next one is plain."""
        self.scope, self.savepoints, self.failed, self.lost = "work", [], False, False

    def leave_scopes(self) -> None:
        while self.scopes:
            self.do(self.scopes.pop().close)
        self.scope = "work"

    def close(self) -> None:
        if self.context is not None:
            self.leave_scopes()
            self.do(self.context.pop)
            self.context, self.tenant = None, None
            self.ended()
