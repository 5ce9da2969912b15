"""The portal's payment methods: which is charged, and which goes."""

from flask import Blueprint
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from billing.sandbox import events
from billing.sandbox.account import Account
from billing.sandbox.money import methods
from billing.sandbox.pages import portal_frame, portal_service
from billing.sandbox.pages.secrets_in_urls import check_token, token_of
from billing.sandbox.values import Obj

blueprint = Blueprint("portal_methods", __name__, url_prefix="/portal")


@blueprint.post("/<wanted>/methods/<method>/default")
def make_default(wanted: str, method: str) -> Response:
    account, session, customer = portal_frame.opened(wanted)
    check_token(token_of(account, session))
    portal_frame.allowed(account, session, "payment_method_update")
    with account.transaction():
        portal_service.charge_from_now_on(account, customer, _found(account, customer, method))
    return portal_frame.done(session)


@blueprint.post("/<wanted>/methods/<method>/remove")
def remove(wanted: str, method: str) -> Response:
    """Not the one that is charged: another has to take its place first."""
    account, session, customer = portal_frame.opened(wanted)
    check_token(token_of(account, session))
    portal_frame.allowed(account, session, "payment_method_update")
    with account.transaction():
        found = _found(account, customer, method)
        used = methods.default_of(account, customer, portal_service.newest(account, customer))
        if used and used["id"] == method:
            raise NotFound("The payment method that is charged can't be removed.")
        events.changed(account, "payment_method.detached", found | {"customer": None})
    return portal_frame.done(session)


def _found(account: Account, customer: Obj, wanted: str) -> Obj:
    for method in account.all("payment_method", customer=customer["id"]):
        if method["id"] == wanted:
            return method
    raise NotFound("There is no such payment method.")
