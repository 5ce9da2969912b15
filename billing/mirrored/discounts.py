"""What a coupon takes off, in words and in numbers."""

from decimal import ROUND_HALF_UP, Decimal

from billing.gateway.objects import DiscountState
from billing.money import shown


def words(discount: DiscountState, currency: str) -> str:
    """ "Spring: 20 % off until 1 May 2027" ."""
    if discount.percent is not None:
        off = f"{discount.percent.normalize():f} % off"
    elif discount.amount is not None:
        off = f"{shown(discount.amount, currency)} off"
    else:
        return discount.name
    until = f" until {discount.until:%-d %b %Y}" if discount.until else " once" if discount.once else ""
    return f"{discount.name}: {off}{until}"


def lasting(discounts: tuple[DiscountState, ...], amount: Decimal) -> Decimal:
    """What is left of an amount after those that have no end.

    Those that do leave revenue as it is, as at Stripe, https://support.stripe.com/questions/billing-analytics
    """
    for one in discounts:
        if one.once or one.until:
            continue
        off = amount * one.percent / 100 if one.percent is not None else Decimal(one.amount or 0)
        amount = max(amount - off, Decimal(0))
    return amount


def rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
