"""A form that asks a reason before something is done: shown, sent, and carried out once however often it is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue

from saas.console import once
from saas.console.door import actor
from saas.console.forms import ReasonForm
from saas.core import forms
from saas.core.errors import PlatformError, Unavailable


@dataclass(frozen=True)
class Question:
    """What is to be confirmed, to whom or what it is done, and how."""

    name: str  # of the action, in the operation
    subject: str
    form: ReasonForm
    ready: Callable[[], bool]  # whether what was chosen before is in order
    carry_out: Callable[[UUID], str]  # with the form's number; returns what is told. Raises PlatformError.
    page: Callable[[], str]
    home: str  # where it leads


def ask(question: Question) -> ResponseReturnValue:
    """Answer the request that shows the form or sends it."""
    form = question.form
    if request.method != "POST":
        return _page(question)
    key = once.number(form.once.data or "", *_about(question))
    if key is None:
        form.form_errors.append("This form was made for another page or person. Look at it again, and send it again.")
        form.once.data = None
    elif once.begun(key):
        return _again(question, key)
    elif question.ready() and form.validate():
        return _carry_out(question, key)
    return _page(question), 422


def _carry_out(question: Question, key: UUID) -> ResponseReturnValue:
    if not once.begin(key, actor=actor(), action=question.name, subject=question.subject):
        return _again(question, key)
    try:
        told = question.carry_out(key)
    except PlatformError as error:
        return _failed(question, key, error)
    once.finish(key)
    flash(told, "success")
    return redirect(question.home, 303)


def _again(question: Question, key: UUID) -> ResponseReturnValue:
    """The second click of a double one, or the form of a page that was gone back to."""
    flash("That was done already." if once.finished(key) else "That is being done at this moment.", "warning")
    return redirect(question.home, 303)


def _failed(question: Question, key: UUID, error: PlatformError) -> ResponseReturnValue:
    """Where it is not known how it went, the form keeps its number, so that what is sent again is not done twice."""
    once.release(key)
    forms.attach(question.form, error)
    if not isinstance(error, Unavailable):
        question.form.once.data = None
    return _page(question), error.status


def _page(question: Question) -> str:
    form = question.form
    form.once.data = form.once.data or once.ticket(*_about(question))
    return question.page()


def _about(question: Question) -> tuple[str, str, str]:
    return actor(), question.name, question.subject
