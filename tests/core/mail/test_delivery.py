"""A mail is a row first; it leaves once, and what may be secret in it is not kept."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from saas.core import mail
from saas.core.database import db, transaction
from saas.core.jobs import Job, JobState, registry
from saas.core.mail import Mail, MailState
from saas.core.settings import Settings
from tests.support import database, smtp
from tests.support.people import unique


@pytest.fixture
def server() -> Iterator[smtp.Server]:
    with smtp.server() as made:
        yield made


@pytest.fixture
def sending(settings: Settings, server: smtp.Server) -> Iterator[Flask]:
    """An application that hands its mails to the server."""
    with database.application(settings, smtp_url=server.url, mail_from="Freehold <hello@example.com>") as app:
        yield app


def test_a_mail_is_handed_over_and_its_text_forgotten(sending: Flask, server: smtp.Server) -> None:
    to, job = write(sending)
    deliver(sending, job)
    (message,) = server.received
    assert (message["To"], message["From"]) == (to, "Freehold <hello@example.com>")
    assert message["Subject"] == "Your workspace is ready"
    assert "http://shop.example/enter" in message.get_content()
    assert state(sending, to) == (MailState.SENT, None)


def test_a_server_that_refuses_gets_the_same_mail_again(sending: Flask, server: smtp.Server) -> None:
    to, job = write(sending)
    server.refusing = True
    with pytest.raises(Exception, match="try again later"):
        deliver(sending, job)
    assert state(sending, to)[0] == MailState.WAITING
    server.refusing = False
    deliver(sending, job)
    assert state(sending, to) == (MailState.SENT, None)
    assert len(server.received) == 1


def test_a_repeat_does_not_hand_it_over_again(sending: Flask, server: smtp.Server) -> None:
    """The server had taken it, and the worker died before the job was done."""
    to, job = write(sending)
    deliver(sending, job)
    as_if_not_done(sending, to)
    deliver(sending, job)
    assert len(server.received) == 1
    assert state(sending, to) == (MailState.SENT, None)


def test_a_repeat_of_what_nobody_could_write_down_carries_the_same_message_id(
    sending: Flask, server: smtp.Server
) -> None:
    """The server had taken it, and the worker died before it wrote that down."""
    to, job = write(sending)
    deliver(sending, job)
    as_if_not_done(sending, to)
    database.sql(sending, "DELETE FROM platform.job_calls WHERE job = :job", job=job)
    deliver(sending, job)
    first, second = server.received
    assert first["Message-ID"] == second["Message-ID"]


def test_a_mail_that_was_sent_is_not_sent_by_its_jobs_repeat(sending: Flask, server: smtp.Server) -> None:
    _, job = write(sending)
    deliver(sending, job)
    deliver(sending, job)
    assert len(server.received) == 1


def test_without_a_server_the_mail_stays_readable(app: Flask) -> None:
    to, job = write(app)
    deliver(app, job)
    kept, text = state(app, to)
    assert kept == MailState.KEPT
    assert "http://shop.example/enter" in (text or "")


def as_if_not_done(app: Flask, to: str) -> None:
    with app.app_context(), transaction():
        db.session.execute(sa.update(Mail).where(Mail.to == to).values(state=MailState.WAITING, text="again"))


def write(app: Flask) -> tuple[str, str]:
    """Returns the receiver and the id of the job that delivers."""
    to = f"{unique()}@example.com"
    with app.app_context(), app.test_request_context(), transaction():
        mail.send("welcome", to=to, url="http://shop.example/enter")
        mine = sa.select(sa.cast(Mail.id, sa.String)).where(Mail.to == to).scalar_subquery()
        return to, str(db.session.scalars(sa.select(Job.id).where(Job.args[0].astext == mine)).one())


def deliver(app: Flask, job: str) -> None:
    with app.app_context():
        with transaction():
            lease = {"state": JobState.LEASED, "lease": 1, "due_at": sa.func.now() + sa.text("interval '1 hour'")}
            db.session.execute(sa.update(Job).where(Job.id == job).values(**lease))
        registry.get("mail.deliver")(job, 1)


def state(app: Flask, to: str) -> tuple[MailState, str | None]:
    with app.app_context():
        row = db.session.execute(sa.select(Mail.state, Mail.text).where(Mail.to == to)).one()
        return row.state, row.text
