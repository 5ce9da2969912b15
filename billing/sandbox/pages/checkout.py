"""The Checkout page: a card is entered, declined or taken; 3-D Secure; back to where the call said."""

from dataclasses import asdict

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from billing.sandbox.account import Account
from billing.sandbox.errors import ApiError, CardDeclined
from billing.sandbox.money import checkout, sessions
from billing.sandbox.money.buyers import Buyer
from billing.sandbox.money.checkout import ChallengeWanted, Entry
from billing.sandbox.pages import buyerform, cardform
from billing.sandbox.pages.checkout_frame import ended, needs_card, page, session_of, success
from billing.sandbox.pages.frame import leads_to
from billing.sandbox.pages.secrets_in_urls import check_token, token_of
from billing.sandbox.protocol.pipeline import standin
from billing.sandbox.values import Obj

blueprint = Blueprint("checkout", __name__, url_prefix="/checkout")

_NOT_PROVED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


@blueprint.get("/<wanted>")
def show(wanted: str) -> str:
    account, session = session_of(wanted)
    return ended(session) if session["status"] != "open" else page(account, session, {}, {})


@blueprint.post("/<wanted>")
def pay(wanted: str) -> Response | str | tuple[str, int]:
    account, session = session_of(wanted)
    if session["status"] == "complete":
        return redirect(success(session), 303)
    if session["status"] != "open":
        return ended(session)
    check_token(token_of(account, session))
    entry, wrong = cardform.read(request.form) if needs_card(session) else (None, {})
    buyer, wrong_buyer = buyerform.read(account, session, request.form)
    if wrong or wrong_buyer:
        return page(account, session, request.form, wrong | wrong_buyer), 422
    if changed := _repriced(account, session, buyer):
        return page(
            account,
            changed,
            request.form,
            {},
            told="The total has changed with the tax that is due. Look at it and send the form again.",
        )
    return _complete(account, session, buyer, entry)


@blueprint.post("/<wanted>/code")
def code(wanted: str) -> Response | str | tuple[str, int]:
    """A promotion code is entered, or taken away."""
    account, session = session_of(wanted)
    check_token(token_of(account, session))
    if session["status"] == "open" and session["allow_promotion_codes"]:
        try:
            with account.transaction():
                session = account.get("checkout.session", session["id"])
                if "remove" in request.form:
                    sessions.drop_code(account, session)
                else:
                    sessions.enter_code(account, session, request.form.get("promotion_code", ""))
        except ApiError as error:
            session = account.get("checkout.session", session["id"])
            return page(account, session, request.form, {"promotion_code": error.message}), 422
    return redirect(f"/checkout/{wanted}", 303)


@blueprint.get("/<wanted>/authenticate")
def challenge(wanted: str) -> Response | str:
    account, session = session_of(wanted)
    private = account.private(session["id"])
    if session["status"] != "open" or not private.get("challenge"):
        return redirect(f"/checkout/{wanted}", 303)
    leads_to(session["success_url"])
    return render_template(
        "challenge.html",
        action=request.path,
        token=private["form"],
        amount=session["amount_total"],
        currency=session["currency"],
    )


@blueprint.post("/<wanted>/authenticate")
def authenticate(wanted: str) -> Response | str | tuple[str, int]:
    account, session = session_of(wanted)
    if session["status"] == "complete":
        return redirect(success(session), 303)
    check_token(token_of(account, session))
    given = account.private(session["id"]).get("challenge")
    if not given:
        return redirect(f"/checkout/{wanted}", 303)
    buyer = Buyer(**given["buyer"])
    if request.form.get("result") != "complete":
        account.keep(session["id"], challenge=None)
        return page(account, session, {"email": buyer.email}, {"card": _NOT_PROVED}), 402
    return _complete(account, session, buyer, Entry(**given["entry"]), authenticated=True)


def _repriced(account: Account, session: Obj, buyer: Buyer) -> Obj | None:
    """The session when what was entered makes it cost something else than the page had said."""
    if session["mode"] == "setup" or not session["automatic_tax"]["enabled"]:
        return None
    shown = session["amount_total"]
    with account.transaction():
        made = sessions.priced(account, account.get("checkout.session", session["id"]), buyer)
    return made if made["amount_total"] != shown else None


def _complete(
    account: Account, session: Obj, buyer: Buyer, entry: Entry | None, *, authenticated: bool = False
) -> Response | tuple[str, int]:
    try:
        with account.transaction():
            session = checkout.complete(
                account, account.get("checkout.session", session["id"]), buyer, entry, authenticated=authenticated
            )
    except CardDeclined as error:
        return page(account, session, request.form or {"email": buyer.email}, cardform.declined(error)), 402
    except ApiError as error:  # a code that somebody else has used up meanwhile
        return page(account, session, request.form, {"card": error.message}), 422
    except ChallengeWanted:
        account.keep(session["id"], challenge={"buyer": asdict(buyer), "entry": asdict(entry) if entry else {}})
        return redirect(f"/checkout/{session['id']}/authenticate", 303)
    standin().deliveries.wake()
    return redirect(success(session), 303)
