"""Round trips are counted on the wire, not guessed."""

import socket
from contextlib import closing

import psycopg2
import pytest

from benchmarks import stand, wire


def test_each_message_that_is_answered_is_a_round_trip(settings):
    with (
        wire.tapped(settings.database_url) as tap,
        closing(psycopg2.connect(stand.dsn(tap.url))) as connection,
        connection.cursor() as cursor,
    ):
        with tap.count() as trips:
            cursor.execute("SELECT 1")  # the driver sends BEGIN first, and waits
            cursor.execute("SELECT 1; SELECT repeat('x', 200000)")
            assert len(cursor.fetchone()[0]) == 200_000
            connection.commit()
        with tap.count() as none:
            connection.commit()
    assert (trips, none) == ([4], [0])


def test_a_server_that_is_gone_is_an_error_for_the_client():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with (
        wire.tapped(f"postgresql://nobody@127.0.0.1:{port}/none") as tap,
        pytest.raises(psycopg2.OperationalError),
    ):
        psycopg2.connect(tap.url)
