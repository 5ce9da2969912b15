"""How trials end."""

from tests.billing.golden.model import Case, Change, Coupon, Invoiced, Price, Tax
from tests.billing.golden.steps import Balance, Cancel, Invoice, NoInvoice, Renewed, Standing, Subscribe, TrialEnds

TRIALS = "billing/subscriptions/trials/free-trials"
PLAN = {"plan": Price(1900)}

CASES = (
    Case(
        "trial_ends_with_a_card",
        TRIALS,
        "0 for 14 d from 1 March; 1900 on the 15th, for a month from then on",
        "2027-03-01",
        (
            Subscribe(PLAN, trial_days=14),
            Invoiced((0,), total=0),
            Standing("trialing", until="2027-03-15"),
            Renewed("2027-03-15"),
            Invoiced((1900,), total=1900),
            Standing("active", until="2027-04-15"),
        ),
        platform="trial",
    ),
    Case(
        "trial_ends_without_a_card_and_cancels",
        TRIALS,
        "missing_payment_method=cancel: 0 is due, now and then",
        "2027-03-01",
        (
            Subscribe(PLAN, trial_days=14, without_card="cancel"),
            Invoiced((0,), total=0),
            Renewed("2027-03-15"),
            Standing("canceled"),
            NoInvoice(),
            Balance(0),
        ),
        card=None,
        platform="trial",
    ),
    Case(
        "trial_ends_without_a_card_and_pauses",
        TRIALS,
        "missing_payment_method=pause: 0, and no invoices while it is paused",
        "2027-03-01",
        (
            Subscribe(PLAN, trial_days=14, without_card="pause"),
            Invoiced((0,), total=0),
            Renewed("2027-03-15"),
            Standing("paused"),
            NoInvoice(),
        ),
        card=None,
    ),
    Case(
        "trial_ends_without_a_card_and_is_owed",
        TRIALS,
        "missing_payment_method=create_invoice: 1900 are due and can't be charged",
        "2027-03-01",
        (
            Subscribe(PLAN, trial_days=14, without_card="create_invoice"),
            Invoiced((0,), total=0),
            Renewed("2027-03-15"),
            Invoiced((1900,), total=1900),
            Invoice("open", due=1900, remaining=1900),
            Standing("past_due"),
        ),
        card=None,
    ),
    Case(
        "trial_ended_now",
        TRIALS,
        "on 6 March 12:00 1900, for a month from that instant",
        "2027-03-01",
        (
            Subscribe(PLAN, trial_days=14),
            Invoiced((0,), total=0),
            TrialEnds("2027-03-06 12:00:00"),
            Invoiced((1900,), total=1900),
            Standing("active", until="2027-04-06 12:00:00"),
        ),
        platform="trial",
    ),
    Case(
        "trial_extended",
        TRIALS,
        "31 March instead of 15; a month from the 31st ends on 30 April",
        "2027-03-01",
        (
            Subscribe(PLAN, trial_days=14),
            TrialEnds("2027-03-10", until="2027-03-31"),
            Renewed("2027-03-15"),
            Standing("trialing", until="2027-03-31"),
            Renewed("2027-03-31"),
            Invoiced((1900,), total=1900),
            Standing("active", until="2027-04-30"),
        ),
    ),
    Case(
        "trial_of_another_plan_than_is_bought",
        TRIALS,
        "a change in a trial costs 0; the 15th bills the larger plan, 4900",
        "2027-03-01",
        (
            Subscribe(PLAN, trial_days=14),
            Invoiced((0,), total=0),
            Change("2027-03-06", {"plan": Price(4900)}, "none"),
            Renewed("2027-03-15"),
            Invoiced((4900,), total=4900),
        ),
        platform="trial",
    ),
    Case(
        "trial_with_seats",
        TRIALS,
        "1900 + 3 * 500 = 3400",
        "2027-03-01",
        (
            Subscribe(PLAN | {"seats": Price(500) * 3}, trial_days=14),
            Invoiced((0, 0), total=0),
            Renewed("2027-03-15"),
            Invoiced((1900, 1500), total=3400),
        ),
    ),
    Case(
        "trial_with_a_lasting_coupon",
        TRIALS,
        "1900 * 25 % = 475; 1900 - 475 = 1425",
        "2027-03-01",
        (
            Subscribe(PLAN, trial_days=14, coupons=(Coupon(percent=25, duration="forever"),)),
            Invoiced((0,), total=0),
            Renewed("2027-03-15"),
            Invoiced((1900,), discount=475, total=1425),
        ),
    ),
    Case(
        "trial_with_tax",
        TRIALS,
        "0 * 20 % = 0; then 1900 * 20 % = 380; 2280",
        "2027-03-01",
        (
            Subscribe(PLAN, trial_days=14, taxes=(Tax(20),)),
            Invoiced((0,), total=0),
            Renewed("2027-03-15"),
            Invoiced((1900,), tax=380, total=2280),
        ),
    ),
    Case(
        "trial_cancelled",
        TRIALS,
        "0 was billed, so 0 comes back",
        "2027-03-01",
        (
            Subscribe(PLAN, trial_days=14),
            Invoiced((0,), total=0),
            Cancel("2027-03-06"),
            NoInvoice(),
            Standing("canceled"),
            Balance(0),
        ),
    ),
)
