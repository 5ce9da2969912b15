"""Delivering mails."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit
from uuid import UUID

import sqlalchemy as sa

from saas.core.database import db, transaction
from saas.core.jobs import calls, handler
from saas.core.mail.models import Mail, MailState
from saas.core.settings import Settings, current_settings

_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
TIMEOUT = 20  # seconds for each answer of the SMTP server


class ServerWithoutTls(Exception):
    """A mail was not sent, since it would have crossed the network in clear."""


def deliver_outside(_job: UUID, mail_id: str) -> bool:
    """Hand the mail to the SMTP server. Returns False when there is none and the mail stays in the mailbox."""
    settings = current_settings()
    if not settings.smtp_url:
        return False
    with transaction():
        mail = db.session.get(Mail, UUID(mail_id))
    if mail is not None and mail.state == MailState.WAITING:
        url, message = settings.smtp_url, _message(mail, settings)
        calls.once("send", lambda _key: _hand_over(url, message))  # the message has its own, which mail servers know
    return True


@handler("mail.deliver", limit_seconds=90, max_tries=12, outside=deliver_outside)
def deliver(mail_id: str, sent: bool) -> None:
    waiting = sa.update(Mail).where(Mail.id == UUID(mail_id), Mail.state == MailState.WAITING)
    if sent:
        db.session.execute(waiting.values(state=MailState.SENT, text=None, sent_at=sa.func.now()))
    else:
        db.session.execute(waiting.values(state=MailState.KEPT))


def _message(mail: Mail, settings: Settings) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, mail.to, mail.subject
    # The same on every try, so that a receiving server can drop a repeat.
    message["Message-ID"] = f"<{mail.id}@{urlsplit(settings.site_url).hostname}>"
    message["Date"] = format_datetime(mail.created_at)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text or "")
    return message


def _hand_over(url: str, message: EmailMessage) -> None:
    """Over TLS with a certificate that is checked; in clear to this machine only, where a relay may listen."""
    parts = urlsplit(url)
    host, tls = parts.hostname or "", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT, context=tls)
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=TIMEOUT)
    with server:
        server.ehlo()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=tls)
        elif parts.scheme == "smtp" and host not in _THIS_MACHINE:
            raise ServerWithoutTls(f"SMTP_URL: {host} offers no STARTTLS, and mails carry secret links")
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)
