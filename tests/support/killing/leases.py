"""What the tests' database does to leases, by a trigger: no process knows of it."""

import contextlib

import psycopg2

_FUNCTION = """
    CREATE OR REPLACE FUNCTION platform.storm_leases() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.state IN ('leased', 'running') THEN
            IF NEW.name LIKE '%unleased' THEN
                NEW.due_at := now() + interval '1 year';
            ELSIF NEW.name LIKE '%brief' THEN
                NEW.due_at := least(NEW.due_at, now() + interval '2 seconds');
            ELSIF NEW.state = 'running' AND {longest} > 0 THEN
                NEW.due_at := least(NEW.due_at, now() + {longest} * interval '1 second');
            END IF;
        END IF;
        RETURN NEW;
    END $$
"""
_TRIGGER = """
    CREATE TRIGGER storm_leases BEFORE UPDATE ON platform.jobs FOR EACH ROW EXECUTE FUNCTION platform.storm_leases()
"""


def install(superuser: str, longest: int = 0) -> None:
    """Let leases of jobs that lack this defence never end, and those of all that run after so many seconds.

    With 0 they end when the platform says so.
    """
    with contextlib.closing(psycopg2.connect(superuser)) as connection:
        connection.autocommit = True
        for statement in (_FUNCTION.format(longest=longest), _TRIGGER):
            connection.cursor().execute(statement)
