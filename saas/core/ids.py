"""Identifiers made in Python: the same on one PostgreSQL and on many."""

import secrets
import time
from datetime import UTC, datetime
from uuid import UUID


def uuid7() -> UUID:
    """A version 7 UUID, which sorts by the millisecond it was made in (RFC 9562, section 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)


def made_at(id_: UUID) -> datetime:
    """When a version 7 UUID was made, to the millisecond; far from now for one that somebody made up."""
    return datetime.fromtimestamp(min(id_.int >> 80, 1 << 47) / 1000, UTC)
