"""The plans that there are, by their code and version; `billing/catalog.toml` holds them."""

from collections.abc import Iterable
from functools import cache

from billing.errors import UnknownPlan
from billing.plans import file
from billing.plans.model import Catalogue, Dunning, Interval, Part, Plan, Price
from tenants.models import FREE

CURRENCY = "usd"  # of those who have not chosen another

__all__ = ["CURRENCY", "Dunning", "Interval", "Part", "Plan", "Price"]


def every() -> tuple[Plan, ...]:
    """All versions of all plans, archived ones too."""
    return _catalogue().plans


def on_sale() -> list[Plan]:
    """The newest version of each plan that somebody can choose, in the order of the file."""
    newest = {plan.code: plan for plan in sorted(every(), key=lambda plan: plan.version) if not plan.archived}
    return [plan for code in dict.fromkeys(plan.code for plan in every()) if (plan := newest.get(code))]


def plan(code: str, version: int | None = None) -> Plan:
    """A plan's version; the newest that is on sale where none is named. Raises UnknownPlan."""
    if version is not None:
        if found := find(code, version):
            return found
        raise UnknownPlan(fields={"plan": f"There is no version {version} of the plan {code[:40]!r}."})
    offered = {one.code: one for one in on_sale()}
    try:
        return offered[code]
    except KeyError:
        raise UnknownPlan(fields={"plan": _choices("plan", code, offered)}) from None


def find(code: str | None, version: int | None) -> Plan | None:
    return next((one for one in every() if (one.code, one.version) == (code, version)), None)


def free() -> Plan:
    return plan(FREE)


def price(code: str, interval: str, currency: str = CURRENCY, version: int | None = None) -> Price:
    """What a plan costs. Raises UnknownPlan, also for the free one, which has no price."""
    wanted = plan(code, version)
    if wanted.free:
        raise UnknownPlan(fields={"plan": f"{wanted.name} costs nothing: choose another plan to pay for."})
    if interval not in list(Interval):
        raise UnknownPlan(fields={"interval": _choices("interval", interval, list(Interval))})
    if currency not in wanted.prices:
        raise UnknownPlan(fields={"currency": _choices("currency", currency, wanted.prices)})
    return Price(wanted, Interval(interval), currency, wanted.amount(Interval(interval), currency))


def currencies() -> list[str]:
    """In which the plans on sale can be paid, the usual one first."""
    return list(dict.fromkeys([CURRENCY, *(currency for one in on_sale() for currency in one.prices)]))


def dunning() -> Dunning:
    return _catalogue().dunning


def name_of(code: str) -> str:
    """As people read it; a plan that the catalogue does not have is shown by its code."""
    found = [one.name for one in every() if one.code == code]
    return found[-1] if found else code.capitalize()


@cache
def _catalogue() -> Catalogue:
    return file.load()


def _choices(kind: str, given: str, known: Iterable[str]) -> str:
    return f"There is no {kind} {given[:40]!r}. Choose one of {', '.join(str(one) for one in known)}."
