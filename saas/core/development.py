"""Pages for developers, which production does not have: the mailbox and the components."""

import re
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, Flask, render_template
from flask.typing import ResponseReturnValue

from saas.core import identity
from saas.core.database import db
from saas.core.errors import NotFound
from saas.core.mail import Mail

mailbox = Blueprint("mailbox", __name__, url_prefix="/dev/mailbox")
design = Blueprint("design", __name__)
for _blueprint in (mailbox, design):
    _blueprint.before_request(identity.only_on_site)

_LINK = re.compile(r"(https?://\S+)")


def init_app(app: Flask) -> None:
    for blueprint in (mailbox, design):
        app.register_blueprint(blueprint)


@mailbox.get("")
def index() -> ResponseReturnValue:
    mails = db.session.scalars(sa.select(Mail).order_by(Mail.id.desc()).limit(200)).all()
    return render_template("dev/mailbox.html", mails=mails)


@mailbox.get("/<uuid:id>")
def show(id: UUID) -> ResponseReturnValue:  # noqa: A002
    mail = db.session.get(Mail, id)
    if mail is None:
        raise NotFound
    pieces = _LINK.split(mail.text or "It was handed to the SMTP server; its text is not kept.")
    parts = [(piece, piece if _LINK.fullmatch(piece) else None) for piece in pieces]
    return render_template("dev/mail.html", mail=mail, parts=parts)


@design.get("/design", endpoint="index")
def components() -> ResponseReturnValue:
    return render_template("design.html")
