"""Coupons, promotion codes and tax rates, made for one case."""

from typing import Any

from tests.billing.golden.model import Coupon, Tax
from tests.billing.golden.stage import Stage


def discount(coupon: Coupon, stage: Stage) -> dict[str, Any]:
    much = {"percent_off": coupon.percent} if coupon.percent else {"amount_off": coupon.off}
    wanted: dict[str, Any] = {"duration": coupon.duration, **much}
    if coupon.off:
        wanted["currency"] = stage.case.currency
    if coupon.months:
        wanted["duration_in_months"] = coupon.months
    if coupon.only:
        wanted["applies_to"] = {"products": [stage.products[coupon.only]]}
    made = stage.v1.coupons.create(wanted)
    if not coupon.code:
        return {"coupon": made.id}
    promotion = {"type": "coupon", "coupon": made.id}
    return {"promotion_code": stage.v1.promotion_codes.create({"promotion": promotion}).id}


def rate(tax: Tax, stage: Stage) -> str:
    wanted = {"display_name": "VAT", "percentage": tax.percent, "inclusive": tax.inclusive}
    return str(stage.v1.tax_rates.create(wanted).id)
