"""Reads back what the database enforces, and says whether this process may serve on it.

Everything is asked as the application's login, which needs no right for it.
"""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
import structlog
from flask import Flask, current_app

from saas.core.database import db
from saas.core.settings import Settings, SettingsError, current_settings
from tenants.isolation import modes, pooler, retiring
from tenants.isolation.faults import EMPTY, MADE_BY_MIGRATIONS
from tenants.isolation.rule import Rule
from tenants.isolation.rules import names, rules
from tenants.isolation.waiting import Waiting

log = structlog.get_logger()

State = Literal["ok", "accepted", "gap", "fault"]
_KEY = "freehold.enforcement"


class Unenforced(Exception):
    """The database does not enforce what production needs; the text says what, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How it stands with one rule."""

    name: str
    state: State
    sentence: str
    mend: str
    sql: str


def init_app(app: Flask, settings: Settings) -> None:
    """Raises SettingsError when ACCEPTED_GAPS names something that is none. Asks the database nothing."""
    gaps = names(faults=False)
    if unknown := sorted(_accepted(settings) - gaps):
        listed = ", ".join(sorted(gaps))
        raise SettingsError(f"ACCEPTED_GAPS: {', '.join(unknown)} can't be accepted; what can is {listed}")
    app.extensions["freehold.refusals"] = refusals
    app.extensions[_KEY] = Waiting(app, refusals)
    with app.app_context():
        retiring.after(db.engine, settings.tenants_per_connection)


def require(app: Flask) -> bool:
    """For the entry points: raises Unenforced when production must not start on this database.

    Returns whether it could be asked. One that is away, or has no tables so far, keeps nobody from starting, but from
    serving: readiness and requests ask again. Outside of production nothing is asked here.
    """
    if not app.extensions["freehold.settings"].production:
        return True
    if not (asked := _asked(app)):
        app.extensions[_KEY].begin()
    return asked


def refusals() -> list[str]:
    """The names of what keeps this process from serving; asked until there is nothing, and not again.

    A fault always does, a gap that is not accepted only in production; elsewhere the log tells of it, once.
    """
    return [] if current_app.extensions[_KEY].in_order else [one.name for one in _refused()]


def _asked(app: Flask) -> bool:
    with app.app_context():
        try:
            found = _refused()
        except sa.exc.OperationalError as error:
            log.warning("database.unavailable", error=str(error.orig).strip())
            return False
    untouched = any(one.name == EMPTY for one in found)
    if untouched:  # what is missing is not what is wrong
        found = [one for one in found if one.state == "fault" and one.name not in MADE_BY_MIGRATIONS]
    if found:
        raise Unenforced("\n".join(f"{one.name}: {one.sentence}\n  {one.mend} {one.sql}".rstrip() for one in found))
    if untouched:
        log.warning("database.empty", mend="run `saas migrate`")
    return not untouched


def read() -> list[Finding]:
    """How it stands with each rule that applies here, faults first. Raises OperationalError."""
    settings = current_settings()
    wanted, accepted = rules(modes.current()), _accepted(settings)
    engine = sa.create_engine(
        db.engine.url,
        poolclass=sa.NullPool,
        isolation_level="AUTOCOMMIT",
        use_native_hstore=False,  # for which SQLAlchemy would begin a transaction before we know that there are any
        connect_args={"connect_timeout": 5},
    )
    with engine.connect() as connection:
        broken = {rule.name for rule in _not_held(connection, wanted)}
        values = connection.execute(_NAMES).one()._asdict()
    if not pooler.keeps_transactions(engine):
        broken.add("pooler-transactions")
    if pooler.passes_on_sessions(engine):
        broken.add("pooler-session-state")
    return [
        Finding(rule.name, "ok", rule.kept, "", "")
        if rule.name not in broken
        else Finding(
            rule.name,
            _state(rule, accepted),
            rule.broken,
            rule.mend.format_map(values),
            rule.sql.format_map(values),
        )
        for rule in wanted
    ]


_NAMES = sa.text(
    "SELECT quote_ident(session_user) AS login, quote_literal(session_user) AS literal,"
    " quote_ident(datname) AS database, quote_ident(pg_get_userbyid(datdba)) AS owner"
    " FROM pg_database WHERE datname = current_database()"
)


def _not_held(connection: sa.Connection, wanted: list[Rule]) -> list[Rule]:
    asked = [rule for rule in wanted if rule.holds]
    row = connection.execute(sa.text(f"SELECT {', '.join(f'({rule.holds})' for rule in asked)}")).one()
    return [rule for rule, holds in zip(asked, row, strict=True) if not holds]


def _state(rule: Rule, accepted: set[str]) -> State:
    if rule.fault:
        return "fault"
    return "accepted" if rule.name in accepted else "gap"


def _accepted(settings: Settings) -> set[str]:
    return {name.strip() for name in (settings.accepted_gaps or "").split(",") if name.strip()}


def _refused() -> list[Finding]:
    """What keeps this process from serving. When that is nothing, the rest is told in the log, and it is noted."""
    found = [one for one in read() if one.state != "ok"]
    serious = {"fault", "gap"} if current_settings().production else {"fault"}
    if refused := [one for one in found if one.state in serious]:
        return refused
    for one in found:
        log.warning("database.gap", name=one.name, state=one.state, gap=one.sentence)
    current_app.extensions[_KEY].end()
    return []
