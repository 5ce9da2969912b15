"""Plans as the price list shows them."""

from billing.pages import cards
from billing.plans import catalog
from billing.plans.catalog import Interval


def test_a_year_by_the_month_is_rounded_as_recurring_revenue_is() -> None:
    """Half up, to the cent: 2,990.00 a year is 249.1666… a month."""
    assert catalog.plan("scale").amount(Interval.YEAR, "usd") == 299_000
    (scale,) = [card for card in cards.cards(Interval.YEAR) if card.code == "scale"]
    assert scale.notes[0].startswith("$249.17 a month, ")
