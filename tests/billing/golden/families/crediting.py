"""Credit notes before and after payment, the customer's balance, refunds."""

from tests.billing.golden.model import Case, Change, Invoiced, Price, Tax
from tests.billing.golden.steps import Balance, CreditNote, Invoice, Paid, Refund, Refunded, Refused, Renewed, Subscribe

NOTES = "invoicing/dashboard/credit-notes"
BALANCE = "billing/customer/balance"
REFUNDS = "refunds"
PLAN = {"plan": Price(1900)}
DECLINED = "pm_card_chargeCustomerFail"

CREDIT_NOTES = (
    Case(
        "credit_note_before_payment",
        NOTES,
        "1900 - 600 = 1300 is what is left to pay",
        "2027-03-01",
        (
            Subscribe(PLAN),
            Invoice("open", due=1900, remaining=1900),
            CreditNote(600, before_payment=600),
            Invoice("open", due=1300, remaining=1300, credited_before=600),
            Paid(),
            Invoice("paid", due=1300, paid=1300, credited_before=600),
            Balance(0),
        ),
        card=DECLINED,
    ),
    Case(
        "credit_note_for_all_of_an_unpaid_invoice",
        NOTES,
        "1900 - 1900 = 0: the invoice counts as paid, no money moved",
        "2027-03-01",
        (
            Subscribe(PLAN),
            CreditNote(1900, before_payment=1900),
            Invoice("paid", due=0, credited_before=1900),
            Balance(0),
        ),
        card=DECLINED,
    ),
    Case(
        "credit_note_that_refunds",
        NOTES,
        "500 of 1900 go back to the card; the invoice stays paid with 1900",
        "2027-03-01",
        (
            Subscribe(PLAN),
            CreditNote(500, refund=500, after_payment=500),
            Invoice("paid", due=1900, paid=1900, credited_after=500),
            Refunded(500),
            Balance(0),
        ),
    ),
    Case(
        "credit_note_to_the_balance",
        NOTES,
        "700 for the next invoice: 1900 - 700 = 1200",
        "2027-03-01",
        (
            Subscribe(PLAN),
            Invoiced((1900,), total=1900),
            CreditNote(700, credit=700, after_payment=700),
            Balance(-700),
            Renewed("2027-04-01"),
            Invoiced((1900,), total=1900, due=1200),
            Balance(0),
        ),
    ),
    Case(
        "credit_note_in_three_ways",
        NOTES,
        "400 to the card, 350 to the balance, 250 outside of Stripe: 400 + 350 + 250 = 1000",
        "2027-03-01",
        (
            Subscribe(PLAN),
            CreditNote(1000, refund=400, credit=350, outside=250, after_payment=1000),
            Invoice("paid", due=1900, paid=1900, credited_after=1000),
            Refunded(400),
            Balance(-350),
        ),
    ),
    Case(
        "credit_note_of_all_lines_with_tax",
        "api/credit_notes/line_item",
        "1900 * 120 % = 2280 go back",
        "2027-03-01",
        (
            Subscribe(PLAN, taxes=(Tax(20),)),
            Invoiced((1900,), tax=380, total=2280),
            CreditNote(whole=True, refund=2280, after_payment=2280),
            Refunded(2280),
        ),
    ),
    Case(
        "two_credit_notes",
        NOTES,
        "500 + 300 = 800",
        "2027-03-01",
        (
            Subscribe(PLAN),
            CreditNote(500, refund=500, after_payment=500),
            CreditNote(300, refund=300, after_payment=300),
            Invoice("paid", due=1900, paid=1900, credited_after=800),
            Refunded(800),
        ),
    ),
    Case(
        "credit_notes_before_and_after_payment",
        NOTES,
        "1900 - 600 = 1300 is paid, 400 of it go back",
        "2027-03-01",
        (
            Subscribe(PLAN),
            CreditNote(600, before_payment=600),
            Paid(),
            CreditNote(400, refund=400, after_payment=400),
            Invoice("paid", due=1300, paid=1300, credited_before=600, credited_after=400),
            Refunded(400),
        ),
        card=DECLINED,
    ),
    Case(
        "credit_note_beyond_the_invoice",
        NOTES,
        "2000 of 1900 is refused; the parts must come to the whole: 500 ≠ 400",
        "2027-03-01",
        (
            Subscribe(PLAN),
            Invoiced((1900,), total=1900),
            Refused(CreditNote(2000, refund=2000)),
            Refused(CreditNote(500, refund=400)),
            Invoice("paid", due=1900, paid=1900),
        ),
    ),
)

NOTES_AND_REFUNDS = (
    Case(
        "credit_note_beyond_what_a_refund_left",
        "api/credit_notes/create",
        "1500 was refunded: 1900 - 1500 = 400 can still be credited, 500 can't",
        "2027-03-01",
        (
            Subscribe(PLAN),
            Invoiced((1900,), total=1900),
            Refund(1500),
            Refused(CreditNote(500, refund=500)),
            CreditNote(400, refund=400, after_payment=400),
            Refunded(1900),
        ),
    ),
)

BALANCES = (
    Case(
        "balance_pays_a_part",
        BALANCE,
        "1900 - 1000 = 900",
        "2027-03-01",
        (Subscribe(PLAN), Invoiced((1900,), total=1900, due=900), Balance(0)),
        balance=-1000,
    ),
    Case(
        "balance_pays_for_several_months",
        BALANCE,
        "5000 - 1900 = 3100; 3100 - 1900 = 1200; 1900 - 1200 = 700 is due",
        "2027-03-01",
        (
            Subscribe(PLAN),
            Invoiced((1900,), total=1900, due=0),
            Balance(-3100),
            Renewed("2027-04-01"),
            Invoiced((1900,), total=1900, due=0),
            Balance(-1200),
            Renewed("2027-05-01"),
            Invoiced((1900,), total=1900, due=700),
            Balance(0),
        ),
        balance=-5000,
    ),
    Case(
        "balance_that_is_owed",
        BALANCE,
        "1900 + 500 = 2400",
        "2027-03-01",
        (Subscribe(PLAN), Invoiced((1900,), total=1900, due=2400), Balance(0)),
        balance=500,
    ),
    Case(
        "balance_pays_for_a_larger_plan",
        BALANCE,
        "21 of 31 d: -4900 * 21/31 = -3319.35 → -3319, 1900 * 21/31 = 1287.10 → 1287: -2032; 7 of 31 d: "
        "-1287 * 7/21 = -429 → -429, 9900 * 7/31 = 2235.48 → 2235: 1806 of the 2032, 226 are left",
        "2027-03-01",
        (
            Subscribe({"plan": Price(4900)}),
            Change("2027-03-11", PLAN),
            Invoiced((-3319, 1287), total=-2032),
            Balance(-2032),
            Change("2027-03-25", {"plan": Price(9900)}),
            Invoiced((-429, 2235), total=1806, due=0),
            Balance(-226),
        ),
    ),
    Case(
        "too_little_to_charge",
        BALANCE,
        "30 is below the 50 that a card is charged at least: owed until the next invoice, 30 + 30 = 60",
        "2027-03-01",
        (
            Subscribe({"plan": Price(30)}),
            Invoiced((30,), total=30, due=0),
            Balance(30),
            Renewed("2027-04-01"),
            Invoiced((30,), total=30, due=60),
            Balance(0),
        ),
    ),
)

RETURNS = (
    Case(
        "refund_of_a_part",
        REFUNDS,
        "500 of 1900; the invoice stays paid",
        "2027-03-01",
        (
            Subscribe(PLAN),
            Invoiced((1900,), total=1900),
            Refund(500),
            Refunded(500),
            Invoice("paid", due=1900, paid=1900),
        ),
    ),
    Case(
        "refund_in_two_parts",
        REFUNDS,
        "500 + 1400 = 1900, all of it",
        "2027-03-01",
        (Subscribe(PLAN), Invoiced((1900,), total=1900), Refund(500), Refund(1400), Refunded(1900)),
    ),
    Case(
        "refund_beyond_the_charge",
        REFUNDS,
        "1000 + 1000 > 1900: the second is refused",
        "2027-03-01",
        (Subscribe(PLAN), Invoiced((1900,), total=1900), Refund(1000), Refused(Refund(1000)), Refunded(1000)),
    ),
)

CASES = CREDIT_NOTES + NOTES_AND_REFUNDS + BALANCES + RETURNS
