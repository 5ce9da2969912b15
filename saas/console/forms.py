"""The back office's forms."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from saas.core.forms import clean


class CodeForm(FlaskForm):
    code = StringField(
        "Code",
        [DataRequired("Enter the six digits of your app, or a recovery code."), clean, Length(max=40)],
    )
    next = HiddenField()


class EnrolForm(CodeForm):
    sealed = HiddenField()


class TextField(TextAreaField):
    """Text of some lines, without control characters or space around it."""

    def __init__(self, label: str, *, shortest: int, longest: int, empty: str, **options: Any) -> None:
        size = Length(shortest, longest, f"Use {shortest} to {longest} characters.")
        super().__init__(label, [DataRequired(empty), clean, size], filters=[_stripped], **options)


class NoteForm(FlaskForm):
    text = TextField("Note", shortest=1, longest=2000, empty="Write the note.")


class ReasonForm(FlaskForm):
    """What every action asks. `once` is its ticket (`saas/console/once.py`)."""

    reason = TextField("Reason", shortest=5, longest=500, empty="Say why; the audit keeps it.")
    once = HiddenField()


def _stripped(value: str | None) -> str | None:
    return value.strip() if value else value
