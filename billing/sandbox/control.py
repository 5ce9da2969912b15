"""The stand-in's own API under /_standin/, for tests: hold, drop and repeat deliveries, make calls fail, count them.

Each call is made with an API key and concerns that key alone.
"""

import time
from typing import Any

from flask import Blueprint, Response, jsonify, request

from billing.sandbox import errors, events
from billing.sandbox.account import Account, name_of
from billing.sandbox.api import webhook_endpoints
from billing.sandbox.faults import Fault
from billing.sandbox.money import conditions, redeeming
from billing.sandbox.money.redeeming import Purchase
from billing.sandbox.protocol import keys
from billing.sandbox.protocol.calls import handled
from billing.sandbox.protocol.pipeline import standin

blueprint = Blueprint("control", __name__, url_prefix="/_standin")

_MODES = ("500", "429", "timeout", "lost", "slow")


@blueprint.errorhandler(errors.ApiError)
def _refused(error: errors.ApiError) -> tuple[Response, int]:
    return jsonify(error.body()), error.status


@blueprint.get("/health")
def health() -> Response:
    return jsonify(ok=True)


@blueprint.post("/endpoints")
def endpoint() -> Response:
    """`url`, `secret`, `events` (default all): an endpoint whose signing secret the caller chooses."""
    given = _given()
    params = {"url": given["url"], "enabled_events": given.get("events", ["*"])}
    with _account().transaction():
        made, _ = webhook_endpoints.register(_account(), params, given["secret"])
    return jsonify(made)


@blueprint.get("/deliveries")
def deliveries() -> Response:
    """All deliveries, the oldest first: id, event, type, endpoint, url, state, attempts, status, problem."""
    names = ["id", "event", "type", "endpoint", "url", "state", "attempts", "status", "problem", "due"]
    rows = standin().store.rows("SELECT * FROM deliveries WHERE account = ? ORDER BY id", _account().name)
    return jsonify(deliveries=[{name: row[name] for name in names} for row in rows])


@blueprint.post("/hold")
def hold() -> Response:
    """From now on deliveries wait for `release`; those that wait for a retry do too."""
    account = _account()
    with account.transaction():
        account.store.run("INSERT OR IGNORE INTO holds VALUES (?)", account.name)
        return _moved("UPDATE deliveries SET state = 'held' WHERE account = ? AND state = 'pending'", account.name)


@blueprint.post("/release")
def release() -> Response:
    """Deliver what was held, and hold no more. `types`: only events of these kinds, and go on holding."""
    account, types = _account(), _given().get("types")
    with account.transaction():
        if types is not None:
            return _of_types("pending", account, types)
        account.store.run("DELETE FROM holds WHERE account = ?", account.name)
        return _moved(
            "UPDATE deliveries SET state = 'pending', due = ? WHERE account = ? AND state = 'held'",
            time.time(),
            account.name,
        )


@blueprint.post("/drop")
def drop() -> Response:
    """Lose what is held or waits. `types`: only events of these kinds."""
    return _of_types("dropped", _account(), _given().get("types"))


@blueprint.post("/deliver")
def deliver() -> Response:
    """`event`: deliver it once more, to each endpoint that wants it."""
    account, wanted = _account(), _given()["event"]
    with account.transaction():
        event = account.get("event", wanted, "event")
        for name, url, secret in events.wanting(account, event["type"]):
            events.schedule(account, event, name, url, secret)
    standin().deliveries.wake()
    return jsonify(event=wanted)


@blueprint.post("/discounts")
def discount() -> Response:
    """`customer` and `coupon` or `promotion_code`: give it to a customer, as Stripe's dashboard does."""
    account, given = _account(), _given()
    with account.transaction():
        customer = account.living("customer", given["customer"], "customer")
        purchase = Purchase(customer, customer["currency"] or "usd", 0, account.now(customer["id"]))
        found = redeeming.redeem(account, redeeming.offered(account, given, "", purchase), purchase)
        if customer["discount"]:
            conditions.end(account, customer["discount"]["id"])
        events.changed(account, "customer.updated", customer | {"discount": found})
    standin().deliveries.wake()
    return jsonify(found)


@blueprint.post("/faults")
def faults() -> Response:
    """`mode` 500, 429, timeout, lost (done, but no answer) or slow, for the next `times` calls, after `seconds` each,
    of `endpoint` where one is given, as in "post /v1/customers/{customer}";
    or `mode` rate and `per_second`: no more calls than that are let through in a second."""
    given = _given()
    if given.get("mode") == "rate":
        standin().faults.limit(_account().name, int(given["per_second"]))
        return jsonify(per_second=int(given["per_second"]))
    if given.get("mode") not in _MODES:
        raise errors.ApiError(f"The mode is one of {', '.join(_MODES)}.", param="mode")
    fault = Fault(given["mode"], float(given.get("seconds", 0)), _endpoint(given.get("endpoint", "")))
    standin().faults.plan(_account().name, fault, int(given.get("times", 1)))
    return jsonify(planned=int(given.get("times", 1)))


@blueprint.delete("/faults")
def no_faults() -> Response:
    standin().faults.clear(_account().name)
    return jsonify(planned=0)


@blueprint.get("/calls")
def calls() -> Response:
    """How often each endpoint was called, as {"post /v1/customers": 2}."""
    return jsonify(calls=standin().faults.calls(_account().name))


@blueprint.delete("/calls")
def forget() -> Response:
    standin().faults.forget(_account().name)
    return jsonify(calls={})


def _account() -> Account:
    return standin().account(name_of(keys.key_of(request.headers.get("Authorization"))))


def _given() -> dict[str, Any]:
    given = request.get_json(silent=True) or request.form.to_dict()
    return given if isinstance(given, dict) else {}


def _endpoint(name: str) -> str:
    """One that nobody calls would let a test pass in which nothing fails."""
    known = {f"{verb} {path}" for verb, path in handled()}
    if name and name not in known:
        raise errors.ApiError(f"There is no endpoint {name!r} here: write it as `calls` does.", param="endpoint")
    return name


def _of_types(state: str, account: Account, types: list[str] | None) -> Response:
    marks = "" if types is None else f" AND type IN ({', '.join('?' * len(types))})"
    sql = f"UPDATE deliveries SET state = ?, due = ? WHERE account = ? AND state IN ('held', 'pending'){marks}"  # noqa: S608 - only marks
    return _moved(sql, state, time.time(), account.name, *(types or []))


def _moved(sql: str, *values: Any) -> Response:
    count = standin().store.run(sql, *values)
    standin().deliveries.wake()
    return jsonify(deliveries=count)
