"""Asking an operator for the second factor, and setting one up."""

import segno
from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug import Response

from saas.accounts import sessions
from saas.accounts.second_factor import enrolment, recovery
from saas.accounts.second_factor import service as second_factor
from saas.accounts.second_factor.errors import AlreadyEnrolled, StaleEnrolment
from saas.accounts.views import safe_path
from saas.console.door import COOKIE, blueprint, has_given_factor
from saas.console.forms import CodeForm, EnrolForm
from saas.core import forms, identity
from saas.core.errors import Invalid


@blueprint.route("/second-factor", methods=["GET", "POST"])
def ask_factor() -> ResponseReturnValue:
    person = identity.person()
    if not second_factor.enrolled(person.id):
        return redirect(url_for("console.set_up_factor", next=request.args.get("next")))
    form = CodeForm(next=request.args.get("next", ""))
    target = _inside(form.next.data)
    if has_given_factor():  # by an earlier click, maybe
        return redirect(target, 303)
    if form.validate_on_submit():
        try:
            left = second_factor.give(person, form.code.data or "")
        except Invalid as error:
            forms.attach(form, error)
        else:
            if left is not None:
                flash(f"That recovery code is used up; {left} are left. Make new ones under Second factor.", "warning")
            return _marked(redirect(target, 303))
    return render_template("console/factor.html", f=form), 422 if form.is_submitted() else 200


@blueprint.route("/second-factor/set-up", methods=["GET", "POST"])
def set_up_factor() -> ResponseReturnValue:
    """Once only: whoever could replace a factor here would need none."""
    person = identity.person()
    if second_factor.enrolled(person.id):
        if request.method == "POST":
            raise AlreadyEnrolled
        return redirect(url_for("console.ask_factor", next=request.args.get("next")))
    form = EnrolForm(next=request.args.get("next", ""))
    if form.validate_on_submit():
        try:
            codes = enrolment.enrol(person, enrolment.resume(person, form.sealed.data or ""), form.code.data or "")
        except Invalid as error:
            forms.attach(form, error)
        else:
            page = render_template("console/codes.html", codes=codes, new=True, onward=_inside(form.next.data))
            return _marked(make_response(page))
    return _set_up_page(form), 422 if form.is_submitted() else 200


@blueprint.route("/second-factor/codes", methods=["GET", "POST"])
def recovery_codes() -> ResponseReturnValue:
    user_id = identity.person().id
    codes = recovery.renew(user_id) if request.method == "POST" else []
    return render_template("console/codes.html", codes=codes, left=recovery.left(user_id), onward="/console")


def _set_up_page(form: EnrolForm) -> str:
    """With the picture that came back, so that who mistyped need not scan again."""
    person = identity.person()
    try:
        offer = enrolment.resume(person, form.sealed.data or "")
    except StaleEnrolment:
        offer = enrolment.propose(person)
    form.sealed.data = offer.sealed
    picture = segno.make(offer.url, error="m").svg_inline(omitsize=True, svgclass="qr", title="QR code", light="#fff")
    return render_template("console/set_up.html", f=form, picture=Markup(picture), secret=offer.secret)  # noqa: S704


def _marked(response: Response) -> Response:
    proof = second_factor.mark(identity.person().session_id)
    sessions.set_cookie(response, COOKIE, proof, second_factor.FRESH)
    return response


def _inside(wanted: str | None) -> str:
    return safe_path(wanted, "/console")
