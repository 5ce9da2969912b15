"""What is killed in its middle: each is the real thing, run in an application's context."""

from collections.abc import Callable
from typing import NamedTuple
from unittest import mock

from flask import current_app

from saas.accounts import passwords
from saas.core.database import transaction
from saas.signup.service import SignUp, sign_up
from tenants import provisioning, reclaim
from tenants.doctor import looking, mending
from tests.support.crashes import billing_actions
from tests.support.people import PASSWORD, unique


class Action(NamedTuple):
    run: Callable[..., object]  # with what the line gives it as "with"
    statement: str  # that it stands or falls with, as a regular expression


def _sign_up() -> None:
    """Without hashing the password, which is most of its time and none of what can be torn."""
    mark, hashed = unique(), mock.patch.object(passwords, "make", return_value="nobody signs in with it")
    with hashed, current_app.test_request_context(), transaction():
        sign_up(SignUp(f"Shop {mark}", f"shop-{mark}", f"{mark}@example.com", PASSWORD))


def _provision() -> None:
    provisioning.provision(provisioning._waiting()[0])


def _mend() -> None:
    for finding in looking.find():
        mending.mend(finding)


ACTIONS = {
    "refill": Action(provisioning.refill, r"CREATE ROLE"),
    "provision": Action(_provision, r"CREATE ROLE"),
    "sign-up": Action(_sign_up, r"UPDATE platform\.tenants SET"),
    "sign-up without a spare": Action(_sign_up, r"INSERT INTO platform\.tenants"),
    "reclaim": Action(reclaim.reclaim, r"DROP SCHEMA"),
    "doctor --fix": Action(_mend, r"DROP SCHEMA"),
    "receive": Action(billing_actions.receive, r"INSERT INTO platform\.stripe_events"),
    "look": Action(billing_actions.handle, r"FROM platform\.stripe_events"),
    "upsert": Action(billing_actions.handle, r"INSERT INTO platform\.subscriptions"),
    "entitle": Action(billing_actions.handle, r"INSERT INTO platform\.access_changes"),
    "mark": Action(billing_actions.handle, r"UPDATE platform\.stripe_events"),
    "mark first": Action(billing_actions.handle_marked_first, r"INSERT INTO platform\.subscriptions"),
}
