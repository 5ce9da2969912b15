"""Does the steps of a case by the platform's own services, and holds what they offer against what the case says."""

from functools import singledispatch
from typing import Any

from billing import money
from billing.acting import changing, checkout, promotions, seats, trying
from billing.acting.checkout import Payer
from saas.core.jobs import enqueue
from tests.billing.golden import steps
from tests.billing.golden.looking import look, same
from tests.billing.golden.model import Change, Coupon, Finding, Invoiced, Items, Previewed, Step, moment
from tests.billing.golden.ours import WHO, Ours, at
from tests.billing.golden.playing import SETTLING
from tests.billing.golden.selling import INCLUDED, price_of, quantity
from tests.billing.golden.terms import discount
from tests.support.database import sql
from tests.support.pages import words
from tests.support.payments import hurry, pay
from tests.support.standin import entered

REASON = "A golden case."
Offer = changing.Offer | seats.Offer


@singledispatch
def act(step: Step, _ours: Ours, _next: Step | None) -> None:
    """One step; the next one says what it comes to."""
    raise NotImplementedError(step)


@act.register
def _(step: Finding, ours: Ours, _next: Step | None) -> None:
    look(step, ours)
    if isinstance(step, Invoiced):
        same_as_billed(step, ours)
    if isinstance(step, steps.Standing):
        found = ours.mirrored()
        same({"our status": (found.status, step.status)})
        if step.until:
            same({"our period's end": (found.period_end, at(moment(step.until)))})


@act.register
def _(step: Previewed, ours: Ours, _next: Step | None) -> None:
    offered(step.change, ours, step.invoice)


@act.register
def _(step: Change, ours: Ours, following: Step | None) -> None:
    """What it is invoiced with is what was offered, though the clock may have moved since."""
    if step.behaviour == "none" and "seats" in step.items:
        _give_up(step, ours)
        return
    offer = offered(step, ours, following if isinstance(following, Invoiced) else None)
    ours.reach(moment(step.at))
    accept(offer, ours)
    ours.hear()


def offered(step: Change, ours: Ours, told: Invoiced | None) -> Offer:
    """By the service, and on the page that shows it; without an invoice to come nothing is charged, as in a trial."""
    ours.reach(moment(step.date or step.at))
    offer = ask(step.items, ours)
    agree(told, offer)
    today = money.shown(told.amount_due, ours.case.currency) if told else "Nothing"
    assert f"Today {today}" in words(ours.owner.open(_page(offer)))
    return offer


def ask(items: Items, ours: Ours) -> Offer:
    with ours.inside():
        if "seats" not in items:
            return changing.offer(ours.tenant, price_of(ours.case, items["plan"]))
        offer = seats.offer(ours.tenant, INCLUDED + quantity(items["seats"]))
        assert offer, "there is room already"
        return offer


def agree(told: Invoiced | None, offer: Offer) -> None:
    """Does an offer say what the case says?"""
    preview = offer.preview
    if told is None or preview is None:
        same({"offered": (preview, told)})
        return
    lines = sorted(line.amount for line in preview.lines)
    same(
        {
            "offered lines": (lines, sorted(told.lines)) if told.apart else (sum(lines), sum(told.lines)),
            "offered subtotal": (preview.subtotal, sum(told.lines)),
            "offered discount": (preview.discount, told.discount),
            "offered tax": (preview.tax, told.tax),
            "offered total": (preview.total, told.total),
            "offered to be due": (preview.due, told.amount_due),
        }
    )


def accept(offer: Offer, ours: Ours) -> None:
    """Name what was offered as the page does: the moment that it was counted from, and what was due."""
    told: dict[str, Any] = {"actor": WHO, "at": offer.at, "due": offer.preview.due if offer.preview else None}
    with ours.inside():
        if isinstance(offer, seats.Offer):
            seats.buy(ours.tenant, offer.extra, **told)
        else:
            changing.change_plan(ours.tenant, offer.price, reason=REASON, **told)


@act.register
def _(step: steps.Subscribe, ours: Ours, _next: Step | None) -> None:
    assert (step.taxes, step.anchor, step.behaviour) == ((), "", ""), "the platform offers nothing of this"
    ours.people(INCLUDED + quantity(step.items.get("seats")))
    payer = Payer(ours.tenant, "Owner & Sons", ours.owner.email, WHO, f"{ours.owner.home}/billing/return")
    with ours.inside():
        price = price_of(ours.case, step.items["plan"])
        url = None if step.without_card else checkout.start(payer, price)
        if url is None:
            trying.start(payer, price, key=None)
    if url:
        for coupon in step.coupons:
            assert entered(url, promotion_code=_code(coupon, ours)).status_code == 303
        assert pay(url).status_code == 303
        hurry(ours.app)
        ours.work()
        ours.stripe.events()  # of which we know by now
    else:
        ours.hear()
    ours.subscribed = ours.mirrored().id
    assert ours.mirrored().seats == quantity(step.items.get("seats"))


@act.register
def _(step: steps.Renewed, ours: Ours, _next: Step | None) -> None:
    ours.reach(moment(step.at) + SETTLING)


@act.register
def _(step: steps.Redeem, ours: Ours, _next: Step | None) -> None:
    ours.reach(moment(step.at))
    code = _code(step.coupon, ours)
    with ours.inside():
        promotions.redeem(ours.tenant, code, actor=WHO)


@act.register
def _(step: steps.TrialEnds, ours: Ours, _next: Step | None) -> None:
    """As we end one: the card has had a trial with another business, and we find out by then."""
    assert step.until == "now"
    ours.reach(moment(step.at))
    sql(ours.app, "UPDATE platform.trials SET tenant = NULL WHERE tenant = :t AND kind = 'card'", t=ours.tenant)
    with ours.inside():
        enqueue("billing.check_trial", args=(ours.tenant, ours.subscribed))
    ours.work()
    ours.hear()


@act.register
def _(step: steps.Later, ours: Ours, _next: Step | None) -> None:
    """Less comes by itself when the period ends, as the offer says."""
    before = ours.mirrored()
    with ours.inside():
        offer = changing.offer(ours.tenant, price_of(ours.case, step.items["plan"]))
    same({"comes": ((offer.when, offer.at, offer.preview), ("later", before.period_end, None))})
    accept(offer, ours)
    found, price = ours.mirrored(), offer.price
    to_come = (price.plan.code, price.interval.value, before.period_end)
    same({"to come": ((found.next_plan, found.next_interval, found.next_at), to_come)})


@act.register
def _(_step: steps.Stay, ours: Ours, _next: Step | None) -> None:
    """Who chooses the plan they have takes back what was to come."""
    first = next(step for step in ours.case.steps if isinstance(step, steps.Subscribe))
    with ours.inside():
        price = price_of(ours.case, first.items["plan"])
        changing.change_plan(ours.tenant, price, actor=WHO, reason=REASON)
    same({"to come": (ours.mirrored().next_plan, None)})


def _give_up(step: Change, ours: Ours) -> None:
    """People have left, and nobody needs their seats."""
    ours.reach(moment(step.at))
    people = INCLUDED + quantity(step.items["seats"])
    ours.people(people)
    with ours.inside():
        seats.follow(ours.tenant, people)


def _code(coupon: Coupon, ours: Ours) -> str:
    made = discount(coupon, ours)
    return str(ours.v1.promotion_codes.retrieve(made["promotion_code"]).code)


def _page(offer: Offer) -> str:
    if isinstance(offer, seats.Offer):
        return f"/billing/seats?people={INCLUDED + offer.extra}"
    return f"/billing/choose?plan={offer.price.plan.code}&interval={offer.price.interval}"


def same_as_billed(told: Invoiced, ours: Ours) -> None:
    """The invoice that we have written down is that of Stripe."""
    found = ours.billed()
    same(
        {
            "our currency": (found.currency, ours.case.currency),
            "our subtotal": (found.subtotal, sum(told.lines)),
            "our discount": (found.discount, told.discount),
            "our tax": (found.tax, told.tax + told.included),
            "our total": (found.total, told.total),
            "paid by our books": ((found.paid, found.due), (told.amount_due, 0)),
        }
    )
