"""What the portal's pages share: their session, what it allows, where they lead."""

from typing import Any

from flask import redirect, render_template
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from billing.sandbox.account import Account
from billing.sandbox.pages import portal_service
from billing.sandbox.pages.frame import leads_to
from billing.sandbox.pages.secrets_in_urls import found, token_of
from billing.sandbox.protocol.pipeline import standin
from billing.sandbox.values import Obj


def opened(wanted: str) -> tuple[Account, Obj, Obj]:
    account, session = found(
        wanted, "billing_portal.session", "This page has ended. Go back to where you came from and open it again."
    )
    return account, session, account.living("customer", session["customer"])


def allowed(account: Account, session: Obj, feature: str) -> Obj:
    found_: Obj = portal_service.features(account, session)[feature]
    if not found_["enabled"]:
        raise NotFound("The portal's configuration does not allow this.")
    return found_


def done(session: Obj) -> Response:
    standin().deliveries.wake()
    return redirect(portal_service.after(session), 303)


def rendered(account: Account, session: Obj, template: str, **more: Any) -> str:
    leads_to(portal_service.after(session))
    features = portal_service.features(account, session)
    return render_template(template, session=session, token=token_of(account, session), features=features, **more)
