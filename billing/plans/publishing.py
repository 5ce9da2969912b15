"""Which versions of plans have been published: none of them may change or go away, since somebody may be on it."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from billing.errors import BadCatalogue
from billing.ledger import PublishedPlan
from billing.plans import catalog
from billing.plans.catalog import Plan
from saas.core.database import db

_IN_OTHER_WORDS = ("name", "summary", "archived")  # what may change of a version


def check() -> list[Plan]:
    """The versions that are new. Raises BadCatalogue for one that was altered or has gone."""
    known = {(row.code, row.version): row.digest for row in db.session.scalars(sa.select(PublishedPlan))}
    listed = {(plan.code, plan.version): plan for plan in catalog.every()}
    for code, version in sorted(known.keys() - listed.keys()):
        raise BadCatalogue(
            f"plan {code} version {version} was published and is missing in the file: put it back, with archived = true"
            " if nobody shall choose it any more."
        )
    for key, digest in sorted(known.items()):
        if digest != _digest(listed[key]):
            raise BadCatalogue(
                f"plan {key[0]} version {key[1]} is not what was published: put it back as it was, and write what is"
                f" new as version {max(version for code, version in listed if code == key[0]) + 1}."
            )
    return [plan for key, plan in listed.items() if key not in known]


def publish() -> None:
    """Remember all versions as they are now."""
    for plan in catalog.every():
        row = {"code": plan.code, "version": plan.version, "digest": _digest(plan), "document": _document(plan)}
        statement = insert(PublishedPlan).values(row)
        archived = sa.case((PublishedPlan.archived_at.is_(None), sa.func.now()), else_=PublishedPlan.archived_at)
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["code", "version"],
                set_={"document": statement.excluded.document, "archived_at": archived if plan.archived else None},
            )
        )


def _document(plan: Plan) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(json.dumps(asdict(plan), default=str))
    return shown


def _digest(plan: Plan) -> str:
    lasting = {name: value for name, value in _document(plan).items() if name not in _IN_OTHER_WORDS}
    return hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()
