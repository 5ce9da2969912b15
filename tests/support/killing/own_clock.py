"""What the rules forbid: a process that takes the time from its own clock, in whatever it says to the database."""

import re
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

_DATABASE_SAYS = re.compile(r"\b(now\(\)|CURRENT_TIMESTAMP|clock_timestamp\(\)|statement_timestamp\(\))", re.IGNORECASE)


def install() -> None:
    """From now on in this process, and in those that it forks."""

    @event.listens_for(sa.Engine, "before_cursor_execute", retval=True)
    def say_it_ourselves(_connection: Any, _cursor: Any, text: str, values: Any, *_rest: Any) -> tuple[str, Any]:
        here = datetime.now(UTC).isoformat()
        return _DATABASE_SAYS.sub(f"timestamptz '{here}'", text), values
