"""Keeps each tenant's statements in its own schema; see docs/decisions/0002 and `connection.py`."""

from tenants.isolation.binding import PREFIX, TenantBase, bind, bound, design, export
from tenants.isolation.connection import OWNER, Connection
from tenants.isolation.errors import AlreadyBound, IsolationError, NotBound, StatementRefused

__all__ = [
    "OWNER",
    "PREFIX",
    "AlreadyBound",
    "Connection",
    "IsolationError",
    "NotBound",
    "StatementRefused",
    "TenantBase",
    "bind",
    "bound",
    "design",
    "export",
]
