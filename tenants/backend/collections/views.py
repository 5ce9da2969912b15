"""Pages on which a workspace's members define collections and edit records."""

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.form import BaseForm

from saas.core import forms, identity
from saas.core.errors import NotFound, PlatformError
from tenants.backend.collections import records, service
from tenants.backend.collections.design import MOST_FIELDS, Collection
from tenants.backend.collections.errors import BadRecord
from tenants.backend.collections.forms import CollectionForm, DropForm, record_form, values
from tenants.members import permissions
from tenants.members.permissions import needs

blueprint = Blueprint("collections", __name__, url_prefix="/collections")

PER_PAGE = 50


@blueprint.get("")
@needs(permissions.RECORDS_READ)
def index() -> ResponseReturnValue:
    found = service.every()
    return render_template("collections/index.html", collections=listed(found))


@blueprint.route("/new", methods=["GET", "POST"])
@needs(permissions.COLLECTIONS_DESIGN)
def new() -> ResponseReturnValue:
    form = CollectionForm()
    if "add_field" in request.form:
        if len(form.fields) < MOST_FIELDS:
            form.fields.append_entry()
        return render_template("collections/new.html", f=form)
    if form.validate_on_submit():
        try:
            service.create(form.collection(), actor=actor())
        except PlatformError as error:
            error.fields = form.attach_to_rows(error.fields)
            forms.attach(form, error)
        else:
            return redirect(url_for("collections.show", name=form.name.data), 303)
    return render_template("collections/new.html", f=form), 422 if form.is_submitted() else 200


@blueprint.get("/<name>")
@needs(permissions.RECORDS_READ)
def show(name: str) -> ResponseReturnValue:
    collection = service.get(name)
    return _show(collection, record_form(collection))


@blueprint.post("/<name>/records")
@needs(permissions.RECORDS_WRITE)
def add(name: str) -> ResponseReturnValue:
    collection = service.get(name)
    form = record_form(collection, request.form)
    if (checked := _checked(collection, form)) is None:
        return _show(collection, form), 422
    records.create(collection, checked)
    flash("Record added.", "success")
    return redirect(url_for("collections.show", name=name), 303)


@blueprint.route("/<name>/records/<uuid:id>", methods=["GET", "POST"])
@needs(permissions.RECORDS_WRITE)
def edit(name: str, id: UUID) -> ResponseReturnValue:  # noqa: A002
    collection = service.get(name)
    record = records.get(collection, id)
    form = record_form(collection, request.form or None, record)
    if request.method == "POST" and (checked := _checked(collection, form)) is not None:
        records.change(collection, id, checked)
        flash("Record saved.", "success")
        return redirect(url_for("collections.show", name=name), 303)
    page = render_template(
        "collections/edit.html", collection=collection, record=record, f=form, beyond=records.beyond(collection)
    )
    return page, 422 if request.method == "POST" else 200


@blueprint.post("/<name>/records/<uuid:id>/delete")
@needs(permissions.RECORDS_WRITE, removes=True)
def delete(name: str, id: UUID) -> ResponseReturnValue:  # noqa: A002
    records.delete(service.get(name), id)
    flash("Record deleted.", "success")
    return redirect(url_for("collections.show", name=name), 303)


@blueprint.route("/<name>/drop", methods=["GET", "POST"])
@needs(permissions.COLLECTIONS_DESIGN, removes=True)
def drop(name: str) -> ResponseReturnValue:
    collection, form = service.get(name), DropForm()
    if form.validate_on_submit():
        if (form.name.data or "").strip() == name:
            service.drop(collection, actor=actor())
            flash(f"{collection.label} and its records are deleted.", "success")
            return redirect(url_for("collections.index"), 303)
        form.name.errors = [f"Type {name} to agree."]
    count = service.counts([collection])[name]
    page = render_template("collections/drop.html", collection=collection, count=count, f=form)
    return page, 422 if form.is_submitted() else 200


def actor() -> str:
    """Who acts, as the audit names them."""
    return f"user:{identity.person().id}"


def listed(found: list[Collection]) -> list[dict[str, Any]]:
    """Collections with their counts, for a page."""
    counts = service.counts(found)
    return [
        {"name": c.name, "label": c.label, "fields": c.fields, "read_only": c.read_only, "count": counts[c.name]}
        for c in found
    ]


def _show(collection: Collection, form: BaseForm) -> str:
    after = _cursor()
    page = records.page(collection, after=after, limit=PER_PAGE)
    here = url_for("collections.show", name=collection.name)
    return render_template(
        "collections/show.html",
        collection=collection,
        count=service.counts([collection])[collection.name],
        records=page.records,
        beyond=records.beyond(collection),
        f=form,
        first_url=here if after else None,
        next_url=url_for("collections.show", name=collection.name, after=page.next) if page.next else None,
    )


def _checked(collection: Collection, form: BaseForm) -> dict[str, Any] | None:
    """The posted values, or None with the errors at their fields."""
    try:
        return records.check(collection, values(collection, form))
    except BadRecord as error:
        for name, message in error.fields.items():
            form[name].errors = [f"{message[0].upper()}{message[1:]}."]
        return None


def _cursor() -> UUID | None:
    text = request.args.get("after")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise NotFound("Go back to the first page.") from None
