"""Forms: one to define a collection, and one made from each collection's fields."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    Field,
    FieldList,
    Form,
    FormField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.form import BaseForm
from wtforms.validators import InputRequired
from wtforms.widgets import TextInput

from saas.core.forms import LineField, choices
from tenants.backend.collections.design import LONGEST_NAME, MOST_FIELDS, Collection
from tenants.backend.collections.design import Field as CollectionField
from tenants.backend.collections.kinds import KINDS, Kind
from tenants.backend.collections.records import Record


class FieldForm(Form):
    name = StringField("Field name", filters=[lambda value: (value or "").strip()])
    kind = SelectField("Kind", choices=choices((kind.name, kind.label) for kind in KINDS.values()), default="text")
    required = BooleanField("Required")


class CollectionForm(FlaskForm):
    label = LineField("Label", longest=80)
    name = LineField("Name", longest=LONGEST_NAME)
    fields = FieldList(FormField(FieldForm), label="Fields", min_entries=1, max_entries=MOST_FIELDS + 1)

    def collection(self) -> Collection:
        rows = [entry.form for entry in self.fields]
        return Collection(
            name=self.name.data or "",
            label=self.label.data or "",
            fields=tuple(CollectionField(row.name.data or "", row.kind.data, row.required.data) for row in rows),
        )

    def attach_to_rows(self, messages: Mapping[str, str]) -> dict[str, str]:
        """Put `fields-N-name` messages at their rows and `fields` above the form; returns the others."""
        rest = {}
        for place, message in messages.items():
            list_name, _, row = place.partition("-")
            if list_name == "fields" and row:
                number, _, part = row.partition("-")
                field = self.fields[int(number)].form[part]
                field.errors = [*field.errors, message]
            elif place == "fields":
                self.form_errors.append(message)
            else:
                rest[place] = message
        return rest


class DropForm(FlaskForm):
    name = StringField("Name")


def record_form(collection: Collection, posted: Any = None, record: Record | None = None) -> BaseForm:
    """A form with a field for each of the collection's, under their own names.

    The names in the page carry a prefix, so that no field collides with the form token.
    """
    form = BaseForm({field.name: _input(field) for field in collection.fields}, prefix="value-")
    form.process(posted, data=dict(record) if record else None)
    return form


def values(collection: Collection, form: BaseForm) -> dict[str, Any]:
    """What a posted form holds, as `records.check` takes it."""
    return {field.name: _posted(form[field.name], KINDS[field.kind]) for field in collection.fields}


def _input(field: CollectionField) -> Any:
    classes = {"boolean": BooleanField, "date": DateField, "text": TextAreaField, "number": _NumberField}
    rules = (
        [] if not field.required or field.kind == "boolean" else [InputRequired()]
    )  # for the mark in the page; `records.check` decides
    return classes[field.kind](field.name, rules)


class _NumberField(StringField):
    """Text with a numeric keyboard: a browser's number field would round long decimals."""

    widget = TextInput()

    def _value(self) -> str:
        return "" if self.data is None else f"{self.data:f}" if hasattr(self.data, "as_tuple") else str(self.data)


def _posted(field: Field, kind: Kind) -> Any:
    """The value as JSON would carry it; an empty input is no value, except for a box that is not ticked."""
    if kind.name == "boolean":
        return bool(field.data)
    text = (field.raw_data or [""])[0]
    if kind.name == "text":
        return text or None
    return _number(text.strip()) if kind.name == "number" else text.strip() or None


def _number(text: str) -> Any:
    """What is not a number stays text, which `records.check` refuses."""
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return text
