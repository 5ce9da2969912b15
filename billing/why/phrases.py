"""Plans, limits, days and people as sentences name them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from jinja2.filters import do_filesizeformat

from billing.plans import catalog
from saas.accounts.models import User
from saas.core.database import db
from tenants.members.models import Membership
from tenants.models import FREE
from tenants.usage.limits import Limit

_ADMIN = "an admin of this site"


@dataclass(frozen=True)
class Who:
    """How somebody is named, who stands in a row as "user:<id>" or "system"; and to whom it is told."""

    emails: Mapping[str, str]
    other: str = ""  # whoever has no email here
    plainly: bool = False  # to a workspace's own people: without the ids that stand for things at Stripe

    def __call__(self, actor: str) -> str:
        if actor == "system":
            return "the system"
        return self.emails.get(actor) or (self.other if actor.startswith("user:") else "") or actor


def plan(code: str, version: int | None) -> str:
    """ "Starter 1"; there is one free plan for everybody, so its version tells nothing."""
    name = catalog.name_of(code)
    return name if code == FREE or version is None else f"{name} {version}"


def allowance(limit: Limit, most: int | None) -> str:
    """How much of a limit is allowed, as a number with its unit."""
    if limit.kind == "feature":
        return "no" if most == 0 else "yes"
    if most is None:
        return "no limit"
    return str(do_filesizeformat(most, binary=True)) if limit.unit == "bytes" else f"{most:,}"


def begun(text: str) -> str:
    """As a sentence begins; `str.capitalize` would make "MiB" small."""
    return text[:1].upper() + text[1:]


def day(at: datetime) -> str:
    return f"{at:%-d %b %Y}"


def until(at: datetime | None) -> str:
    return f"until {day(at)}" if at else "until somebody ends it"


def quoted(reason: str | None) -> str:
    return f" “{reason}”" if reason else ""


def first_day(end: datetime) -> str:
    """On which something is over that lasts until then: what ends with a day's last second is over on the next."""
    return day(end + timedelta(seconds=1))


def to_admins(actors: Iterable[str]) -> Who:
    """Everybody by their email."""
    return Who(_emails(actors, sa.true()))


def to_members(actors: Iterable[str], tenant: str) -> Who:
    """Members by their email; whoever else it was, was one of those who run this site."""
    theirs = sa.exists().where(Membership.user_id == User.id, Membership.tenant == tenant)
    return Who(_emails(actors, theirs), other=_ADMIN, plainly=True)


def _emails(actors: Iterable[str], which: sa.ColumnElement[bool]) -> dict[str, str]:
    ids = [found for actor in actors if (found := _user(actor))]
    rows = db.session.execute(sa.select(User.id, User.email).where(User.id.in_(ids), which)) if ids else ()
    return {f"user:{id_}": email for id_, email in rows}


def _user(actor: str) -> UUID | None:
    kind, _, id_ = actor.partition(":")
    try:
        return UUID(id_) if kind == "user" else None
    except ValueError:
        return None
