"""Credit, a price of their own, and money back at an end: what an operator can give who pays."""

from collections.abc import Callable, Sequence

from wtforms import Form, IntegerField, StringField, ValidationError
from wtforms.validators import DataRequired, NumberRange, Optional

from billing.acting import favours
from billing.errors import BadCredit, BadMonths, BadPrice
from billing.money import minor, shown
from billing.offering import shaping
from billing.plans import catalog
from billing.plans.catalog import Price
from saas.console import charging, words
from saas.console.accounts import Account
from saas.console.actions import Action, Change, Chosen, Order
from saas.console.choices import Given
from saas.core.errors import PlatformError


class AmountForm(Form):
    amount = StringField("Amount", [DataRequired("Say how much.")], filters=[lambda v: v.strip() if v else v])
    currency: str
    fits: Callable[[int], bool]  # the amount in the minor unit
    otherwise: PlatformError  # said of one that doesn't

    def validate_amount(self, field: StringField) -> None:
        if message := words.unreadable(field.data, self.currency):
            raise ValidationError(message)
        if not self.fits(minor(field.data or "", self.currency) or 0):
            raise ValidationError(self.otherwise.detail)


class PriceForm(AmountForm):
    months = IntegerField(
        "For how many months",
        [Optional(), NumberRange(1, 120, "Choose 1 to 120 months.")],
        description="Empty: for good.",
    )
    account: Account

    def validate_months(self, field: IntegerField) -> None:
        paid = self.account.subscription
        if field.data and paid and favours.over_before_charged(paid, field.data):
            raise ValidationError(BadMonths().detail)


def _credit_choice(account: Account, given: Given) -> Form:
    form = AmountForm(given)
    form.currency, form.otherwise = favours.currency_of(account.id), BadCredit()
    form.fits = lambda amount: 0 < amount <= favours.MOST_CREDIT
    return form


def _price_choice(account: Account, given: Given) -> Form:
    form, usual, currency = PriceForm(given), *_priced(account)
    form.account, form.currency, form.otherwise = account, currency, BadPrice(shown(usual, currency))
    form.fits = lambda amount: amount < usual
    return form


def _priced(account: Account) -> tuple[int, str]:
    """What they pay without a favour; of who pays nothing nothing is asked."""
    paid = account.subscription
    return (paid.amount, paid.currency) if paid else (0, catalog.CURRENCY)


def _amount(chosen: Chosen, currency: str) -> int:
    return minor(chosen["amount"], currency) or 0


def _crediting(account: Account, chosen: Chosen) -> Sequence[Change]:
    currency, had = favours.currency_of(account.id), -account.balance
    return [Change("Credit", shown(had, currency), shown(had + _amount(chosen, currency), currency))]


def _credit(order: Order) -> None:
    amount = _amount(order.chosen, favours.currency_of(order.account.id))
    favours.credit(order.account.id, amount, actor=order.actor, reason=order.reason, key=order.key)


def _pricing(account: Account, chosen: Chosen) -> Sequence[Change]:
    old, months = account.live, chosen["months"]
    after = f"{shown(_amount(chosen, old.currency), old.currency)} a {old.interval}"
    lines = [
        Change("Price of the plan, from the next invoice on", words.price(old), after),
        Change("Lasts", "", f"{months} {'month' if months == 1 else 'months'}" if months else "For good"),
    ]
    return [*lines, Change("Discount", old.discount, "This price, in place of it")] if old.discount else lines


def _price(order: Order) -> None:
    amount, months = _amount(order.chosen, order.account.live.currency), order.chosen["months"]
    favours.own_price(order.account.id, amount, months, actor=order.actor, reason=order.reason, key=order.key)


def _ending(account: Account, _chosen: Chosen) -> Sequence[Change]:
    back, left = favours.worth(account.id), -account.balance
    lines = [Change("Subscription ends", words.day(account.live.cancel_at), "Now")]
    lines.append(Change("Paid back", shown(0, account.live.currency), shown(back, account.live.currency)))
    if left > 0:
        stays = f"{shown(left, account.live.currency)}, not paid back"
        lines.append(Change("Credit", shown(left, account.live.currency), stays))
    return lines if account.grant else [*lines, *words.plan(account, catalog.free())]


def _end(order: Order) -> None:
    favours.cancel_and_refund(order.account.id, actor=order.actor, reason=order.reason, key=order.key)


def _moves(account: Account) -> bool:
    """Whether there is a newer version of the plan that they pay for, to which they are not about to be moved."""
    if not account.subscribed or account.live.plan is None:
        return False
    old = account.live
    coming = old.next_version if old.next_plan == old.plan else None
    newer = (plan for plan in catalog.on_sale() if plan.code == old.plan and plan.version > (old.version or 0))
    return any(old.currency in plan.prices and plan.version != coming for plan in newer)


def _newest(account: Account) -> Price:
    """Raises UnknownPlan."""
    old = account.live
    return catalog.price(old.plan or "", old.interval or "", old.currency)


def _moving(account: Account, chosen: Chosen) -> Sequence[Change]:
    old, price = account.live, _newest(account)
    later = shaping.when(old, price) == "later"
    lines = [
        Change("Version of the plan", str(old.version), str(price.plan.version)),
        Change("Price", words.price(old), f"{shown(price.amount, price.currency)} a {price.interval}"),
        Change("When", "", words.day(old.period_end) if later else "Now"),
        *charging.lines(account, price, chosen, at_once=False),
    ]
    return lines if account.grant else [*lines, *words.limits(account, price.plan, old)]


def _move(order: Order) -> None:
    charging.change(order, _newest(order.account), at_once=False)


ACTIONS = (
    Action(
        "credit",
        "Give credit",
        "Takes an amount off the next invoices.",
        "The credit is given.",
        lambda account: account.subscription is not None,
        _crediting,
        _credit,
        choice=_credit_choice,
    ),
    Action(
        "own-price",
        "Give a price of their own",
        "Lets the plan cost less than its price, from the next invoice on, for some months or for good.",
        "The price is given.",
        lambda account: account.subscribed and account.live.plan is not None,
        _pricing,
        _price,
        choice=_price_choice,
    ),
    Action(
        "move-version",
        "Move to the newest version",
        "Who has a plan keeps its version until they are moved. More costs the difference now; less comes at the"
        " period's end.",
        "The workspace is moved, or will be when its period ends.",
        _moves,
        _moving,
        _move,
    ),
    Action(
        "cancel-and-refund",
        "Cancel now and pay back",
        "Ends the subscription now and pays back what is not used of its period. Nothing is deleted.",
        "The subscription has ended, and the money is on its way back.",
        lambda account: account.subscribed,
        _ending,
        _end,
        harsh=True,
    ),
)
