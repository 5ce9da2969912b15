"""The portal's page for what invoices say of a customer: name, email, address, phone, tax id."""

import re
from collections.abc import Mapping

from flask import Blueprint, request
from werkzeug.wrappers import Response

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError
from billing.sandbox.money import taxids
from billing.sandbox.pages import portal_frame
from billing.sandbox.pages.secrets_in_urls import check_token, token_of
from billing.sandbox.shapes import people
from billing.sandbox.values import Obj

blueprint = Blueprint("portal_details", __name__, url_prefix="/portal")

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_ADDRESS = ("country", "line1", "postal_code", "city")


@blueprint.get("/<wanted>/details")
def details(wanted: str) -> str:
    account, session, customer = portal_frame.opened(wanted)
    portal_frame.allowed(account, session, "customer_update")
    return _page(account, session, _shown(account, customer), {})


@blueprint.post("/<wanted>/details")
def save(wanted: str) -> Response | tuple[str, int]:
    account, session, customer = portal_frame.opened(wanted)
    check_token(token_of(account, session))
    allowed = portal_frame.allowed(account, session, "customer_update")["allowed_updates"]
    if wrong := _wrong(request.form, allowed):
        return _page(account, session, request.form, wrong), 422
    try:
        with account.transaction():
            _update(account, customer, request.form, allowed)
    except ApiError as error:
        return _page(account, session, request.form, {"tax_id": error.message}), 422
    return portal_frame.done(session)


def _update(account: Account, customer: Obj, form: Mapping[str, str], allowed: list[str]) -> None:
    new: Obj = {name: form.get(name, "").strip() or None for name in ("email", "name", "phone") if name in allowed}
    if "address" in allowed:
        given = {name: form.get(name, "").strip() or None for name in _ADDRESS}
        country = (given["country"] or "").upper() or None
        new |= people.addressed(customer | {"address": {**(customer["address"] or {}), **given, "country": country}})
    events.changed(account, "customer.updated", customer | new)
    if "tax_id" in allowed:
        _replace_tax_id(account, customer, form.get("tax_id", "").strip())


def _replace_tax_id(account: Account, customer: Obj, value: str) -> None:
    held = account.all("tax_id", customer=customer["id"])
    if any(each["value"] == value.upper() for each in held):
        return
    for each in held:
        events.emit(account, "customer.tax_id.deleted", each)
        account.delete(each)
    if kind := taxids.kind_of(value):
        taxids.add(account, customer, kind, value)


def _wrong(form: Mapping[str, str], allowed: list[str]) -> dict[str, str]:
    wrong = {}
    if "email" in allowed and not _EMAIL.fullmatch(form.get("email", "").strip()):
        wrong["email"] = "Enter an email address, such as name@example.com."
    if "address" in allowed and not _COUNTRY.fullmatch(form.get("country", "").strip()):
        wrong["country"] = "Enter the country's two letters, such as DE."
    tax_id = form.get("tax_id", "").strip()
    if "tax_id" in allowed and tax_id and taxids.kind_of(tax_id) is None:
        wrong["tax_id"] = "Write the tax ID with its country in front, such as DE123456789."
    return wrong


def _shown(account: Account, customer: Obj) -> Obj:
    held = account.all("tax_id", customer=customer["id"])
    tax_id = held[0]["value"] if held else None
    return {
        **(customer["address"] or {}),
        **{name: customer[name] for name in ("email", "name", "phone")},
        "tax_id": tax_id,
    }


def _page(account: Account, session: Obj, values: Mapping[str, str], wrong: dict[str, str]) -> str:
    return portal_frame.rendered(account, session, "portal_details.html", values=values, wrong=wrong)
