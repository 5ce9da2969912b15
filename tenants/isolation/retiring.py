"""Connections end after a number of tenants.

A process of PostgreSQL keeps what it has learned of each table it has used, and gives none of it back: about 160 KiB
for each tenant that it has served (docs/postgres.md). On a direct connection that process ends with the connection.
Behind a pooler closing ours costs little and helps nothing; there its `server_lifetime` does it.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry

from tenants.isolation.connection import Connection


def after(engine: sa.Engine, tenants: int) -> None:
    """Close each connection that has served so many distinct tenants, when it comes back to the engine's pool.

    By then its transaction is over, and the pool opens another one when it is next asked: nobody's work is touched.
    """

    def retire(connection: Any, entry: ConnectionPoolEntry) -> None:
        if isinstance(connection, Connection) and len(connection.served) >= tenants:
            entry.close()

    event.listen(engine, "checkin", retire)
