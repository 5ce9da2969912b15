"""Finds out by trying what a pooler between us and PostgreSQL does to sessions and transactions."""

import secrets

import sqlalchemy as sa

_CLIENTS = 3  # one after the other, since in session mode the next one gets the connection that the last one left
_LOOKS = 20  # by each: a pooler may have many connections, and take them in turn
_MARK = "freehold.probe"  # a setting of no meaning; PostgreSQL lets everybody set one with a dot in its name

_LOOK = sa.select(sa.func.current_setting(_MARK, True))


def keeps_transactions(engine: sa.Engine) -> bool:
    """Whether BEGIN works; `engine` has no pool and is in autocommit. Raises OperationalError when nothing does.

    PgBouncer with pool_mode = statement refuses it and hangs up, each time; a database that goes away at that moment
    does so too, and then takes no new client or answers the next one.
    """
    for _ in range(_CLIENTS):
        with engine.connect() as client:
            client.scalar(_LOOK)
            try:
                client.exec_driver_sql("BEGIN")
                client.exec_driver_sql("ROLLBACK")
            except sa.exc.DBAPIError:
                client.invalidate()
            else:
                return True
    return False


def passes_on_sessions(engine: sa.Engine) -> bool:
    """Whether a new client sees what one before it has set on its session.

    `engine` has no pool and is in autocommit. PgBouncer runs its `server_reset_query` between two clients in
    pool_mode = session only, unless server_reset_query_always is set (its manual, "server_reset_query_always").
    """
    nonce = secrets.token_hex(8)
    for _ in range(_CLIENTS):
        with engine.connect() as client:
            if any(client.scalar(_LOOK) == nonce for _ in range(_LOOKS)):
                client.exec_driver_sql(f"RESET {_MARK}")
                return True
            client.exec_driver_sql(f"SET {_MARK} = '{nonce}'")
    return False
