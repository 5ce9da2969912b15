"""What can be wrong with a tenant's schema, role and row, and what is to be done about it."""

from enum import StrEnum
from typing import NamedTuple


class Fault(StrEnum):
    """As an operator reads it."""

    SCHEMA = "schema without a tenant, nothing in it"
    DATA = "schema without a tenant, with data in it"
    ROLE = "role without a tenant"
    SPARE = "spare that is not whole or not at the latest revision"
    FORGOTTEN = "workspace that waits for its schema and has no job"
    UNGRANTED = "workspace without its role or its right to the schema"
    STRAY = "tenant that is gone and has open jobs"
    LOST = "workspace without its schema"
    BEHIND = "workspace behind the latest revision"
    UNOWNED = "workspace without an owner"


class Finding(NamedTuple):
    tenant: str
    fault: Fault


REMEDIES = {
    Fault.SCHEMA: "--fix drops it, with its role.",
    Fault.DATA: "Somebody removed its row, or is restoring it: look first. --fix --drop-data drops it, with its role.",
    Fault.ROLE: "Nothing in any database depends on it. --fix drops it.",
    Fault.SPARE: "It is nobody's: --fix removes it, and the pool gets another.",
    Fault.FORGOTTEN: "--fix builds it.",
    Fault.UNGRANTED: "--fix makes the role anew, where each has one, with its rights on all its tables.",
    Fault.STRAY: "--fix cancels the jobs.",
    Fault.LOST: "Its data is not here. Restore the schema from a backup (pg_restore --schema), then run this again.",
    Fault.BEHIND: "Run `saas migrate`.",
    Fault.UNOWNED: "Nobody can manage it. Find whose it is in the audit, and make that member an owner.",
}
