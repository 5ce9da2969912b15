"""What a module of your own builds with (docs/extend.md): these names stay when the rooms behind them change."""

from typing import Self
from uuid import UUID

from flask_wtf import FlaskForm
from sqlalchemy.orm import Mapped, Query, mapped_column

from saas.core import audit
from saas.core.database import db
from saas.core.errors import Forbidden, Invalid, NotFound, PlatformError
from saas.core.forms import AddressField, LineField
from saas.core.ids import uuid7
from saas.core.jobs import enqueue, handler
from tenants.isolation import TenantBase, bound
from tenants.isolation.guard import admit as functions
from tenants.members.models import Role
from tenants.members.permissions import RECORDS_READ, RECORDS_WRITE, WORKSPACE_OPEN, may, needs
from tenants.members.permissions import define as permission
from tenants.modules import MenuEntry, Module
from tenants.usage import limits
from tenants.usage.features import needs_feature
from tenants.usage.limits import Limit
from tenants.usage.stocks import add, take

__all__ = [
    "RECORDS_READ", "RECORDS_WRITE", "WORKSPACE_OPEN", "AddressField", "FlaskForm", "Forbidden", "Invalid", "Limit",
    "LineField", "Mapped", "MenuEntry", "Module", "NotFound", "PlatformError", "Role", "Row", "TenantBase", "add",
    "audit", "bound", "db", "enqueue", "feature", "functions", "handler", "mapped_column", "may", "needs",
    "needs_feature", "permission", "stock", "take", "uuid7",
]  # fmt: skip


class Row(TenantBase):
    """A model of a table in each tenant's schema, with the key that ours have."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)

    @classmethod
    def query(cls) -> Query[Self]:
        return db.session.query(cls)

    @classmethod
    def newest(cls, most: int) -> list[Self]:
        return cls.query().order_by(cls.id.desc()).limit(most).all()


def feature(name: str, label: str) -> Limit:
    """Define what a plan has or has not; views that are part of it say `needs_feature`, below `needs`."""
    return limits.define(Limit(name, label, "feature", 0))


def stock(name: str, label: str, default: int) -> Limit:
    """Define a limit on how many there are; `default` holds for tenants whose plan says nothing of it.

    Count with `add` before anything of yours is written, and with `take` when one is gone.
    """
    return limits.define(Limit(name, label, "stock", default))
