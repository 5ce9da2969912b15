"""The plan that somebody chose before they had a workspace."""

from dataclasses import dataclass
from urllib.parse import urlencode

from billing.errors import UnknownPlan
from billing.plans import catalog

HOME = "/home"


@dataclass(frozen=True)
class Choice:
    plan: str = ""  # its code; "" when none was chosen
    interval: str = ""
    words: str = ""  # "Growth, paid by the year"
    fault: str = ""  # why what was asked for can't be had; signing up is possible all the same

    @property
    def path(self) -> str:
        """Where it leads in the new workspace."""
        if not self.interval:
            return HOME
        return "/billing/choose?" + urlencode({"plan": self.plan, "interval": self.interval})


def read(plan: str, interval: str) -> Choice:
    """What a link or a form says. Nothing, and the free plan, lead to the workspace's first page."""
    if not plan:
        return Choice()
    try:
        found = catalog.plan(plan)
        if found.free:
            return Choice(found.code, "", found.name)
        price = catalog.price(plan, interval or catalog.Interval.MONTH)
    except UnknownPlan as error:
        return Choice(fault=error.detail)
    return Choice(price.plan.code, price.interval.value, f"{price.plan.name}, paid by the {price.interval}")
