"""Pages whose address is the secret: the object that it names, its account, and the token of its forms."""

import hmac

from flask import request
from werkzeug.exceptions import BadRequest, NotFound

from billing.sandbox.account import Account
from billing.sandbox.protocol.pipeline import standin
from billing.sandbox.values import Obj


def found(wanted: str, kind: str, told: str) -> tuple[Account, Obj]:
    """Raises NotFound with a sentence that says what to do."""
    owner = standin().store.owner(wanted)
    if owner is not None:
        account = standin().account(owner)
        obj = account.find(wanted)
        if obj is not None and obj["object"] == kind:
            return account, obj
    raise NotFound(told)


def token_of(account: Account, obj: Obj) -> str:
    return str(account.private(obj["id"])["form"])


def check_token(token: str) -> None:
    """Raises BadRequest for a form that this page did not make."""
    if not hmac.compare_digest(request.form.get("csrf_token", "").encode(), token.encode()):
        raise BadRequest("This form is out of date. Open the page again and send it once more.")
