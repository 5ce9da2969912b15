"""Rate limits of what a stranger may try, counted in PostgreSQL (docs/decisions/0004)."""

import ipaddress
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base, separate
from saas.core.errors import TooManyAttempts


class Attempts(Base):
    """How often something was tried in one window of time."""

    __tablename__ = "attempts"

    key: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    window: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)  # which window since 1970
    count: Mapped[int]
    until: Mapped[datetime] = mapped_column(index=True)


def count(action: str, who: str, *, limit: int, seconds: int) -> None:
    """Count one attempt in a transaction of its own, so that a refused request counts too.

    Raises TooManyAttempts from the attempt after the `limit`th in the same window of `seconds`.
    """
    tried, wait = _count(action, who, seconds)
    if tried > limit:
        raise TooManyAttempts(f"Wait {_words(wait)} and try again.", retry_after=max(1, wait))


def within(action: str, who: str, *, limit: int, seconds: int) -> bool:
    """The same, for what is left out in silence when it is too much."""
    return _count(action, who, seconds)[0] <= limit


def network(address: str | None) -> str:
    """The network behind an address: an IPv4 address itself, an IPv6 address' /64, which one customer holds whole."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _count(action: str, who: str, seconds: int) -> tuple[int, int]:
    """Returns how many there have been in this window, and how many seconds are left of it."""
    epoch = sa.func.extract("epoch", sa.func.clock_timestamp())
    window = sa.cast(sa.func.floor(epoch / seconds), sa.BigInteger)
    until = sa.func.to_timestamp((window + 1) * seconds)
    statement = (
        insert(Attempts)
        .values(key=f"{action}:{who}"[:200], window=window, count=1, until=until)
        .on_conflict_do_update(index_elements=["key", "window"], set_={"count": Attempts.count + 1})
        .returning(Attempts.count, sa.func.ceil(sa.func.extract("epoch", Attempts.until - sa.func.clock_timestamp())))
    )
    with separate() as connection:
        tried, wait = connection.execute(statement).one()
    return tried, int(wait)


def _words(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 120 else f"{seconds // 60} minutes"
