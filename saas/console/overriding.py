"""Another limit than the plan's for one tenant, until a day."""

import re
from collections.abc import Sequence

from wtforms import DateField, Form, SelectField, StringField, ValidationError
from wtforms.validators import DataRequired, Optional

from billing.entitlement import overrides
from billing.plans import catalog
from billing.why import phrases
from saas.console import choices, words
from saas.console.accounts import Account
from saas.console.actions import Action, Change, Chosen, Order
from saas.console.choices import Given
from saas.core.forms import choices as offered
from tenants.usage import limits, over
from tenants.usage import service as usage

UNLIMITED = "unlimited"
_WHOLE = re.compile(r"[0-9]{1,20}")


class OverrideForm(Form):
    resource = SelectField("Limit", choices=[])
    value = StringField(
        "Value",
        [DataRequired("Give a number, or unlimited.")],
        filters=[lambda v: v.strip().lower() if v else v],
        description="A whole number, of storage in bytes, or unlimited. A feature is had with 1, and not with 0.",
    )
    until = DateField(
        "Until the end of",
        [Optional(), choices.no_later, choices.not_over],
        description="Empty: until somebody ends it.",
    )

    def validate_value(self, field: StringField) -> None:
        if field.data != UNLIMITED and not _WHOLE.fullmatch(field.data or ""):
            raise ValidationError("Write a whole number such as 25, or unlimited.")
        features = {limit.name for limit in limits.of_kind("feature")}
        if self.resource.data in features and field.data not in {"0", "1"}:
            raise ValidationError("A feature is had (1) or not (0).")
        if field.data != UNLIMITED and int(field.data or "") > overrides.MOST:
            raise ValidationError("That is more than can be counted: write unlimited.")


class EndForm(Form):
    resource = SelectField("Limit", choices=[])


def _choice(_account: Account, given: Given) -> Form:
    form = OverrideForm(given)
    form.resource.choices = offered((limit.name, limit.label) for limit in limits.every())
    return form


def _ending_choice(account: Account, given: Given) -> Form:
    form = EndForm(given)
    form.resource.choices = offered((one.resource, limits.get(one.resource).label) for one in account.overrides)
    return form


def _overriding(account: Account, chosen: Chosen) -> Sequence[Change]:
    limit, value = limits.get(chosen["resource"]), _value(chosen["value"])
    before = limits.allowed(account.limits, limit)
    lines = [Change(limit.label, words.allowance(limit, before), words.allowance(limit, value))]
    until = chosen["until"]
    now = next((one.until for one in account.overrides if one.resource == limit.name), None)
    ends = words.day(choices.end_of(until)) if until else "Somebody ends it"
    return [*lines, *_over(account, limit.name, value), Change("Lasts until", words.day(now) if now else "", ends)]


def _over(account: Account, resource: str, value: int | None) -> list[Change]:
    """What there is more of than the new limit allows: it stays, and can be read only."""
    used = {meter.limit.name: meter.used for meter in usage.meters(account.id)}
    found = [one for one in over.over({**account.limits, resource: value}, used) if one.limit.name == resource]
    return [Change("What is there", over.shown(one.limit, one.used), phrases.begun(one.consequence)) for one in found]


def _override(order: Order) -> None:
    until = choices.end_of(order.chosen["until"]) if order.chosen["until"] else None
    resource, value = order.chosen["resource"], _value(order.chosen["value"])
    overrides.override(order.account.id, resource, value, until, actor=order.actor, reason=order.reason)


def _ending(account: Account, chosen: Chosen) -> Sequence[Change]:
    limit = limits.get(chosen["resource"])
    plan = catalog.find(account.plan, account.plan_version)  # None: of another release
    after = f"As the plan says{': ' + phrases.allowance(limit, plan.included(limit.name)) if plan else ''}"
    return [Change(limit.label, words.allowance(limit, limits.allowed(account.limits, limit)), after)]


def _end(order: Order) -> None:
    overrides.end_override(order.account.id, order.chosen["resource"], actor=order.actor, reason=order.reason)


def _value(written: str) -> int | None:
    return None if written == UNLIMITED else int(written)


ACTIONS = (
    Action(
        "override",
        "Override a limit",
        "Gives this workspace another limit than its plan, or a feature, until a day or until somebody ends it.",
        "The limit is overridden.",
        lambda _account: True,
        _overriding,
        _override,
        choice=_choice,
    ),
    Action(
        "end-override",
        "End an override",
        "The limit is what the plan says again. Nothing is deleted.",
        "The override has ended.",
        lambda account: bool(account.overrides),
        _ending,
        _end,
        choice=_ending_choice,
        harsh=True,
    ),
)
