"""Thirty lives of customers. A step is a verb of `playing.Life` with what it is given; days pass on a test clock."""

SCRIPTS = {
    "pays and stays": "subscribe starter; wait 32; wait 31",
    "pays by the year": "subscribe growth year; wait 100",
    "tries and pays": "subscribe growth month 14; wait 15; wait 31",
    "tries without a card and is gone": "card none; try growth 14; wait 15",
    "tries without a card and gives one": "card none; try growth 14; wait 5; card visa; wait 15",
    "tries, cancels, and comes back": (
        "subscribe growth month 14; wait 3; cancel_later; wait 14; subscribe starter; wait 31"
    ),
    "upgrades": "subscribe starter; wait 10; change growth; wait 31",
    "upgrades twice": "subscribe starter; wait 5; change growth; wait 5; change scale; wait 31",
    "upgrades during the trial": "subscribe growth month 14; wait 4; change scale; wait 31",
    "downgrades when the period ends": "subscribe scale; wait 10; plan starter; wait 31",
    "plans a downgrade and stays": "subscribe scale; wait 10; plan starter; stay; wait 31",
    "changes its mind about a downgrade": "subscribe scale; plan starter; stay; plan growth; wait 32",
    "goes from month to year": "subscribe starter; wait 12; change starter year; wait 60",
    "goes from year to month": "subscribe starter year; wait 100; plan starter month; wait 300",
    "adds seats": "subscribe growth; wait 3; seats 2; wait 10; seats 5; wait 31",
    "adds and removes seats": "subscribe growth; seats 4; wait 9; fewer 1; wait 31",
    "upgrades with seats": "subscribe starter; seats 3; wait 8; change growth; seats 1; wait 31",
    "fails and recovers by itself": "subscribe starter; card fails; wait 32; card visa; wait 9",
    "fails and pays by hand": "subscribe starter; card fails; wait 33; card mastercard; pay; wait 31",
    "fails and is given up": "subscribe starter; card fails; wait 32; wait 31; wait 31",
    "fails after the trial": "subscribe growth month 14; card fails; wait 15; card visa; pay",
    "is declined when it upgrades": "subscribe starter; card fails; change scale; card visa; change scale; wait 31",
    "cancels at the end": "subscribe starter; wait 10; cancel_later; wait 31",
    "cancels and resumes": "subscribe starter; wait 10; cancel_later; wait 5; resume; wait 31",
    "cancels at once": "subscribe growth; wait 10; cancel",
    "leaves and returns twice": (
        "subscribe starter; cancel; wait 20; subscribe growth; wait 5; cancel; wait 9; subscribe scale"
    ),
    "is refunded": "subscribe growth; wait 2; refund 2000; wait 31; refund 7900",
    "gets a credit note and credit": "subscribe growth; credit 1500; wait 31; balance -700; wait 31",
    "disputes": "card disputes; subscribe starter; wait 31",
    "a whole life": (
        "subscribe growth month 14; wait 15; change scale; seats 2; wait 20; card fails; wait 31; card visa; pay; plan"
        " starter; wait 31; cancel_later; wait 32; subscribe growth; refund 900"
    ),
    "is deleted": "subscribe starter; wait 10; delete",
}
IN_SHORT = ["leaves and returns twice", "downgrades when the period ends", "fails and pays by hand", "is deleted"]
