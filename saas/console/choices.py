"""What is chosen before an action shows what it changes; the URL carries it."""

from datetime import UTC, date, datetime, time
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import DateField, Form, SelectField, StringField, ValidationError
from wtforms.validators import DataRequired

from billing.money import minor, shown
from billing.plans import catalog
from billing.plans.catalog import Interval
from saas.console import words
from saas.console.accounts import Account
from saas.core.forms import choices

Given = MultiDict[str, str]

_LATEST = date(2100, 1, 1)
_PLANS = choices((plan.code, plan.name) for plan in catalog.on_sale() if not plan.free)
_INTERVALS = choices([(Interval.MONTH.value, "Each month"), (Interval.YEAR.value, "Each year")])
_ENDS = choices([("period", "When what is paid for is used up"), ("now", "Now")])


def end_of(day: date) -> datetime:
    """The last second of a day (UTC)."""
    return datetime.combine(day, time(23, 59, 59), UTC)


def no_later(_form: Any, field: Any) -> None:
    """A rule for a day up to which something lasts."""
    if field.data and field.data > _LATEST:
        raise ValidationError("Choose a day before the year 2100.")


def not_over(_form: Any, field: Any) -> None:
    """The other one: what lasts until then must not be over before it began."""
    if field.data and end_of(field.data) <= datetime.now(UTC):
        raise ValidationError("That day is over: choose today or a later one.")


class PlanForm(Form):
    plan = SelectField("Plan", choices=_PLANS)
    interval = SelectField("Paid", choices=_INTERVALS)


class UntilForm(Form):
    until = DateField("Until the end of", [DataRequired("Choose a day."), no_later, not_over])


class TrialForm(UntilForm):
    ends: datetime | None  # as it is now

    def validate_until(self, field: Any) -> None:
        if self.ends and field.data and end_of(field.data) <= self.ends:
            raise ValidationError(f"The trial lasts until {words.day(self.ends)} already: choose a later day.")


class GrantForm(UntilForm):
    plan = SelectField("Plan", choices=_PLANS)


class CancelForm(Form):
    when = SelectField("When", choices=_ENDS)


class FlagForm(Form):
    flag = SelectField("Flag", [DataRequired("Choose a flag.")])


class RefundForm(Form):
    invoice = SelectField("Invoice", [DataRequired("Choose an invoice.")])
    amount = StringField("Amount", [DataRequired("Say how much goes back.")], filters=[lambda v: v.strip() if v else v])
    most: dict[str, tuple[int, str]]  # what can go back of each invoice, and its currency

    def validate_amount(self, field: Any) -> None:
        left, currency = self.most.get(self.invoice.data, (0, ""))
        if message := words.unreadable(field.data, currency or catalog.CURRENCY):
            raise ValidationError(message)
        amount = minor(field.data, currency or catalog.CURRENCY) or 0
        if amount == 0:
            raise ValidationError("Give an amount above zero.")
        if left and amount > left:
            raise ValidationError(f"At most {shown(left, currency)} of this invoice can be refunded.")


def plan(_account: Account, given: Given) -> Form:
    return PlanForm(given)


def until(account: Account, given: Given) -> Form:
    form = TrialForm(given)
    form.ends = account.subscription.trial_end if account.subscription else None
    return form


def grant(_account: Account, given: Given) -> Form:
    return GrantForm(given)


def flag(account: Account, given: Given) -> Form:
    form = FlagForm(given)
    form.flag.choices = choices((str(one.id), f"{one.kind}, {one.raised_at:%-d %b %Y}") for one in account.flags)
    return form


def cancel(_account: Account, given: Given) -> Form:
    return CancelForm(given)


def refund(account: Account, given: Given) -> Form:
    form = RefundForm(given)
    form.most = {invoice.id: (invoice.refundable, invoice.currency) for invoice in account.refundable}
    form.invoice.choices = choices((invoice.id, _label(invoice)) for invoice in account.refundable)
    return form


def _label(invoice: Any) -> str:
    number = invoice.number or invoice.id
    return f"{number}, {invoice.created_at:%-d %b %Y}: {shown(invoice.refundable, invoice.currency)} can go back"
