"""Reading the catalogue's file: what is wrong in it is said by plan and field, before anything starts with it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from billing.errors import BadCatalogue
from billing.plans.model import Amounts, Catalogue, Dunning, Interval, Overage, Plan, Trial
from tenants.usage import limits

PATH = Path(__file__).parents[1] / "catalog.toml"

_UNLIMITED = "unlimited"
_PLAN_KEYS = [
    "code", "version", "name", "summary", "limits", "features", "prices", "trial", "seat", "overage", "archived",
]  # fmt: skip
_MOST_TRIAL_DAYS = 730  # https://docs.stripe.com/api/subscriptions/create#create_subscription-trial_period_days


def load(path: Path = PATH) -> Catalogue:
    """Raises BadCatalogue."""
    try:
        given = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadCatalogue(str(error)) from None
    return read(given)


def read(given: Mapping[str, Any]) -> Catalogue:
    """What the file says, as values. Raises BadCatalogue."""
    _only("the file", given, ["dunning", "plan"])
    plans = tuple(_plan(one) for one in given.get("plan", []))
    _together(plans)
    return Catalogue(plans, _dunning(given.get("dunning", {})))


def _plan(given: Mapping[str, Any]) -> Plan:
    at = f"plan {given.get('code', '?')} version {given.get('version', '?')}"
    _only(at, given, _PLAN_KEYS)
    prices = _amounts(f"{at}, prices", given.get("prices", {}))
    plan = Plan(
        code=_text(at, given, "code", 32),
        version=_whole(f"{at}, version", given.get("version"), least=1),
        name=_text(at, given, "name", 40),
        summary=_text(at, given, "summary", 200),
        limits=_limits(at, given),
        prices=prices,
        trial=_trial(f"{at}, trial", given.get("trial", {})),
        seat=_amounts(f"{at}, seat", given.get("seat", {})),
        overage={name: _overage(at, name, one) for name, one in given.get("overage", {}).items()},
        archived=given.get("archived", False) is True,
    )
    _fits(at, plan)
    return plan


def _fits(at: str, plan: Plan) -> None:
    if plan.free and (plan.seat or plan.overage or plan.trial.days):
        raise BadCatalogue(f"{at} has no prices: it can have neither seats for money nor overage nor a trial.")
    for what, currencies in [("seat", set(plan.seat)), *((n, set(o.prices)) for n, o in plan.overage.items())]:
        if currencies and currencies != set(plan.prices):
            raise BadCatalogue(f"{at}, {what}: give it in the plan's currencies, {', '.join(plan.prices)}.")
    for name in plan.overage:
        if plan.included(name) is None or limits.get(name).kind != "flow":
            raise BadCatalogue(f"{at}, overage {name}: only what is used up in a month and limited has an overage.")


def _limits(at: str, given: Mapping[str, Any]) -> dict[str, int | None]:
    known = {limit.name: limit for limit in limits.every()}
    found: dict[str, int | None] = {}
    for name, value in given.get("limits", {}).items():
        if name not in known:
            raise BadCatalogue(f"{at}: there is no limit {name!r}. Known are {', '.join(known)}.")
        found[name] = None if value == _UNLIMITED else _whole(f"{at}, limit {name}", value, least=0)
    for name in given.get("features", []):
        if name not in known:
            raise BadCatalogue(f"{at}: there is no feature {name!r}.")
        found[name] = 1
    return found


def _amounts(at: str, given: Mapping[str, Any]) -> Amounts:
    for currency, amounts in given.items():
        _currency(at, currency)
        if not isinstance(amounts, dict) or set(amounts) != set(Interval):
            raise BadCatalogue(f"{at}, {currency}: give an amount for month and for year.")
    return {
        currency: {
            interval: _whole(f"{at}, {currency}, {interval}", amounts[interval], least=1) for interval in Interval
        }
        for currency, amounts in given.items()
    }


def _overage(at: str, name: str, given: Mapping[str, Any]) -> Overage:
    if name not in {limit.name for limit in limits.every()}:
        raise BadCatalogue(f"{at}: there is no limit {name!r} to have an overage.")
    prices = {currency: value for currency, value in given.items() if currency != "per"}
    for currency in prices:
        _currency(f"{at}, overage {name}", currency)
    return Overage(
        _whole(f"{at}, overage {name}, per", given.get("per"), least=1),
        {key: _whole(f"{at}, overage {name}, {key}", value, least=1) for key, value in prices.items()},
    )


def _trial(at: str, given: Mapping[str, Any]) -> Trial:
    _only(at, given, ["days", "card"])
    card = given.get("card", "required")
    if card not in {"required", "optional"}:
        raise BadCatalogue(f"{at}: card is either required or optional.")
    days = _whole(f"{at}, days", given.get("days", 0), least=0)
    if days > _MOST_TRIAL_DAYS:
        raise BadCatalogue(f"{at}: a trial lasts at most {_MOST_TRIAL_DAYS} days.")
    return Trial(days, card)


def _dunning(given: Mapping[str, Any]) -> Dunning:
    names = ["read_only", "suspended", "cancelled"]
    _only("dunning", given, names)
    steps = [None if name not in given else _whole(f"dunning, {name}", given[name], least=0) for name in names]
    told = [step for step in steps if step is not None]
    if told != sorted(told):
        raise BadCatalogue("dunning: each step comes after the one before it.")
    return Dunning(*steps)


def _together(plans: tuple[Plan, ...]) -> None:
    keys = [(plan.code, plan.version) for plan in plans]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise BadCatalogue(f"There are two of {', '.join(f'{code} version {version}' for code, version in twice)}.")


def _only(at: str, given: Mapping[str, Any], known: list[str]) -> None:
    if unknown := sorted(set(given) - set(known)):
        raise BadCatalogue(f"{at}: there is nothing called {', '.join(unknown)}. Known are {', '.join(known)}.")


def _text(at: str, given: Mapping[str, Any], key: str, most: int) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise BadCatalogue(f"{at}: give it a {key} of at most {most} characters.")
    return value


def _currency(at: str, code: str) -> None:
    if len(code) != 3 or not code.isalpha() or code != code.lower():
        raise BadCatalogue(f"{at}: {code!r} is no currency. Write its three letters, as in usd.")


def _whole(at: str, value: Any, *, least: int) -> int:
    """An integer; a float is refused, since amounts are counted and not measured."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadCatalogue(f"{at}: {value!r} is no whole number. Amounts are integers in the currency's minor unit.")
    if value < least:
        raise BadCatalogue(f"{at}: {value} is less than {least}.")
    return value
