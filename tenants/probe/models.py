"""What the probe has found, a row for each run."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.core.database import Base
from saas.core.ids import uuid7


class ProbeReport(Base):
    __tablename__ = "probe_reports"
    __table_args__ = (sa.Index("probe_reports_crossed_ix", "started_at", postgresql_where=sa.text("crossed > 0")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    attempts: Mapped[int]
    blind: Mapped[int]
    crossed: Mapped[int]
    ways: Mapped[dict[str, dict[str, int]]] = mapped_column(JSONB)  # {"pages": {"refused": 40, "crossed": 0, …}, …}
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # of what crossed or was blind: the Attempt's fields
