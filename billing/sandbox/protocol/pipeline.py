"""One call of the API, from its headers to its answer."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Blueprint, Response, current_app, request

from billing.sandbox import errors
from billing.sandbox.account import Account, name_of
from billing.sandbox.config import Config
from billing.sandbox.deliveries import Deliveries
from billing.sandbox.faults import Faults
from billing.sandbox.protocol import calls, catalogue, encoding, expand, idempotency, keys, params
from billing.sandbox.protocol.idempotency import Answer
from billing.sandbox.store import Store, dumped
from billing.sandbox.values import Obj, new_id

VERSION = "2026-10-28.endive"

blueprint = Blueprint("api", __name__)


@dataclass(frozen=True)
class Standin:
    """The parts of one running stand-in."""

    config: Config
    store: Store
    deliveries: Deliveries
    faults: Faults = field(default_factory=Faults)
    ledger: idempotency.Ledger = field(default_factory=idempotency.Ledger)

    def account(self, name: str) -> Account:
        return Account(self.store, self.config, name)


def standin() -> Standin:
    found: Standin = current_app.extensions["standin"]
    return found


@blueprint.route("/v1/<path:_path>", methods=["GET", "POST", "DELETE"])
@blueprint.route("/v2/<path:_path>", methods=["GET", "POST", "DELETE"])
def answer(_path: str) -> Response:
    told = {"id": new_id("req", 14), "idempotency_key": request.headers.get("Idempotency-Key")}
    try:
        name = name_of(keys.key_of(request.headers.get("Authorization")))
        return _respond(told, _counted(Account(standin().store, standin().config, name, told)))
    except errors.ApiError as error:
        return _respond(told, Answer(error.status, error.body()))


def _counted(account: Account) -> Answer:
    """Raises Away when a test asked for that; the call has then done nothing."""
    verb = request.method.lower()
    found = catalogue.find(verb, request.path)
    if not found:
        raise _unknown(verb)
    endpoint, ids = found
    key = account.request["idempotency_key"]
    if verb != "post" or not key:
        with _faults(account, endpoint):
            return _done(account, endpoint, ids)
    with standin().ledger.holding(account, key), _faults(account, endpoint):
        mark = idempotency.fingerprint(verb, request.path, request.get_data())
        return idempotency.recall(account, key, mark) or _done(account, endpoint, ids, key, mark)


@contextmanager
def _faults(account: Account, endpoint: catalogue.Endpoint) -> Iterator[None]:
    """What a test asked for: fail before the call is done, or lose the answer afterwards."""
    mode = standin().faults.meet(account.name, f"{endpoint.verb} {endpoint.path}")
    if mode == "429":
        raise errors.TooMany
    if mode in {"500", "timeout"}:
        if mode == "timeout":
            _hang_up()
        raise errors.Away("Something went wrong on our end, as a test asked for. Please try again.")
    yield
    if mode == "lost":
        _hang_up()


def _hang_up() -> None:
    request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def _done(
    account: Account, endpoint: catalogue.Endpoint, ids: tuple[str, ...], key: str = "", mark: str = ""
) -> Answer:
    """The answer of a call that was made for the first time, stored under its key unless its parameters were bad."""
    with account.transaction():
        given = _checked(endpoint)
        handler = calls.handler(endpoint)
        if handler is None:
            raise errors.NotStoodIn(
                f"Stripe has {endpoint.verb.upper()} {endpoint.path}, this stand-in for it does not. "
                "Use Stripe's test mode for that, or see docs/stripe-stand-in.md for what is here."
            )
        made = _handled(handler, calls.Call(account, given, ids, request.path))
        if key:
            idempotency.store(account, key, mark, made)
    standin().deliveries.wake()
    return made


def _handled(handler: calls.Handler, call: calls.Call) -> Answer:
    """A declined card is an answer like any other: what was recorded of it stays, and it is replayed."""
    try:
        made = handler(call)
    except errors.CardDeclined as error:
        return Answer(error.status, error.body())
    return Answer(200, expand.expanded(call.account, made, call.params.get("expand") or []))


def _checked(endpoint: catalogue.Endpoint) -> Obj:
    if endpoint.path.startswith("/v2/"):
        return {}
    text = request.get_data(as_text=True) if request.method == "POST" else request.query_string.decode()
    return params.checked(endpoint, encoding.decoded(text))


def _unknown(verb: str) -> errors.ApiError:
    if others := catalogue.verbs(request.path):
        allowed = ", ".join(other.upper() for other in others)
        return errors.NotFound(f"Unrecognized request URL ({verb.upper()}: {request.path}). It takes {allowed}.")
    return errors.NotFound(f"Unrecognized request URL ({verb.upper()}: {request.path}). Is the address right?")


def _respond(told: Obj, made: Answer) -> Response:
    response = Response(dumped(made.body), made.status, mimetype="application/json")
    response.headers["Request-Id"] = told["id"]
    response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", VERSION)
    if told["idempotency_key"]:
        response.headers["Idempotency-Key"] = told["idempotency_key"]
    if made.replayed_from:
        response.headers["Idempotent-Replayed"] = "true"
        response.headers["Original-Request"] = made.replayed_from
    if made.status == errors.TooMany.status:
        response.headers["Retry-After"] = "1"
        response.headers["Stripe-Rate-Limited-Reason"] = "global-rate"
    if made.status == errors.NotStoodIn.status:
        response.headers["Stripe-Should-Retry"] = "false"
    return response
