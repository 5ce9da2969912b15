"""Writing a mail: a row and a job in the caller's transaction."""

from typing import Any

from flask import render_template

from saas.core.database import db
from saas.core.ids import uuid7
from saas.core.jobs import enqueue
from saas.core.mail.models import Mail


def send(template: str, *, to: str, **context: Any) -> None:
    """Write a mail from `templates/mail/<template>.txt`, whose first line is the subject."""
    subject, _, text = render_template(f"mail/{template}.txt", **context).partition("\n")
    mail = Mail(id=uuid7(), to=to, subject=" ".join(subject.split())[:200], text=text.strip() + "\n")
    db.session.add(mail)
    enqueue("mail.deliver", args=(str(mail.id),))
