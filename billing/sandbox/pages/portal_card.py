"""The portal's page for another card, with 3-D Secure where the card asks for it."""

from dataclasses import asdict

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from billing.sandbox.account import Account
from billing.sandbox.cards import CARDS
from billing.sandbox.errors import CardDeclined
from billing.sandbox.money.checkout import ChallengeWanted, Entry
from billing.sandbox.pages import cardform, portal_frame, portal_service
from billing.sandbox.pages.frame import leads_to
from billing.sandbox.pages.secrets_in_urls import check_token, token_of
from billing.sandbox.values import Obj

blueprint = Blueprint("portal_card", __name__, url_prefix="/portal")

_NOT_PROVED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


@blueprint.get("/<wanted>/card")
def card(wanted: str) -> str:
    account, session, _ = portal_frame.opened(wanted)
    portal_frame.allowed(account, session, "payment_method_update")
    return _card_page(account, session, {})


@blueprint.post("/<wanted>/card")
def save_card(wanted: str) -> Response | str | tuple[str, int]:
    account, session, customer = portal_frame.opened(wanted)
    check_token(token_of(account, session))
    entry, wrong = cardform.read(request.form)
    if entry is None:
        return _card_page(account, session, wrong), 422
    return _save(account, session, customer, entry)


@blueprint.get("/<wanted>/card/authenticate")
def challenge(wanted: str) -> Response | str:
    account, session, _ = portal_frame.opened(wanted)
    if not account.private(wanted).get("challenge"):
        return redirect(f"/portal/{wanted}/card", 303)
    leads_to(portal_service.after(session))
    return render_template("challenge.html", action=request.path, token=token_of(account, session), amount=None)


@blueprint.post("/<wanted>/card/authenticate")
def authenticate(wanted: str) -> Response | str | tuple[str, int]:
    account, session, customer = portal_frame.opened(wanted)
    check_token(token_of(account, session))
    given = account.private(wanted).get("challenge")
    account.keep(wanted, challenge=None)
    if not given:
        return redirect(f"/portal/{wanted}/card", 303)
    if request.form.get("result") != "complete":
        return _card_page(account, session, {"card": _NOT_PROVED}), 402
    return _save(account, session, customer, Entry(**given), authenticated=True)


def _save(
    account: Account, session: Obj, customer: Obj, entry: Entry, *, authenticated: bool = False
) -> Response | tuple[str, int]:
    try:
        with account.transaction():
            portal_service.replace_card(account, customer, entry, authenticated=authenticated)
    except CardDeclined as error:
        return _card_page(account, session, cardform.declined(error)), 402
    except ChallengeWanted:
        account.keep(session["id"], challenge=asdict(entry))
        return redirect(f"/portal/{session['id']}/card/authenticate", 303)
    return portal_frame.done(session)


def _card_page(account: Account, session: Obj, wrong: dict[str, str]) -> str:
    return portal_frame.rendered(account, session, "portal_card.html", wrong=wrong, values=request.form, cards=CARDS)
