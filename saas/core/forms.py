"""What forms share: clean text, email addresses, and errors at the field they belong to."""

from collections.abc import Iterable
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_wtf import FlaskForm
from wtforms import EmailField, Field, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than the stubs
from wtforms.validators import DataRequired, Length, StopValidation

from saas.core.errors import PlatformError
from saas.core.text import fault, one_line

_TOO_LONG = "Use an email address of at most 254 characters."


class LineField(StringField):
    """One line of text: composed, with single spaces, without control characters."""

    def __init__(self, label: str, *, longest: int, required: bool = True, **options: Any) -> None:
        rules: list[Any] = [DataRequired(f"Fill in the {label.lower()}.")] if required else []
        rules += [clean, Length(max=longest, message=f"Use at most {longest} characters.")]
        super().__init__(label, rules, filters=[lambda value: one_line(value, longest) if value else value], **options)


class AddressField(EmailField):
    """An email address in its normal form, in lower case."""

    def __init__(self, label: str = "Email", **options: Any) -> None:
        rules = [DataRequired("Fill in your email address."), clean, _not_endless, _email]
        super().__init__(label, rules, **options)


def choices(pairs: Iterable[tuple[str, str]]) -> list[Any]:
    """What a SelectField offers, from (value, label)."""
    return [SelectChoice(value, label) for value, label in pairs]


def attach(form: FlaskForm, error: PlatformError) -> None:
    """Put a named error at the fields it speaks of, or above the form."""
    rest = True
    for name, message in error.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, message]
            rest = False
    if rest and error.detail:
        form.form_errors.append(error.detail)


def clean(_form: FlaskForm, field: Field) -> None:
    """A rule for any field of text."""
    if field.data and (message := fault(field.data)):
        raise StopValidation(message)


def _not_endless(_form: FlaskForm, field: Field) -> None:
    """Before the address is composed, which takes time by the square of its length."""
    if len(field.data) > 320:
        raise StopValidation(_TOO_LONG)


def _email(_form: FlaskForm, field: Field) -> None:
    try:
        found = validate_email(field.data.strip(), check_deliverability=False)
    except EmailNotValidError as error:
        raise StopValidation(f"That is not an email address: {error}") from None
    if len(found.normalized) > 254:
        raise StopValidation(_TOO_LONG)
    field.data = found.normalized.lower()
