"""The two sides between which the probe tries to cross, each with what an account of it has in hand."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Entry:
    """How its owner gets in: the cookies' secrets on the bare host and on the workspace's, and a key's text."""

    site: str
    workspace: str
    key: str


@dataclass(frozen=True)
class Side:
    tenant: str
    address: str
    sign: str  # all that it holds says it
    marker: str  # of this run, in one record
    entry: Entry
    person: UUID  # its owner
    key_id: UUID
    record: UUID  # that has the marker
    collection: str

    @property
    def things(self) -> tuple[str, ...]:
        """What an address may name of it, the likeliest first."""
        return (self.collection, str(self.record), self.tenant, str(self.person), str(self.key_id), self.address)

    def shown_in(self, text: str) -> bool:
        """Whether a text has what this run has put there, which its owner must find."""
        return self.marker in text

    def told_by(self, text: str, *, by_id: bool = False) -> str:
        """What of it a text gives away, in words; "" when nothing."""
        if self.marker in text:
            return "this run's marker"
        if self.sign in text:
            return "its sign, which its name and older records have"
        return "its id" if by_id and self.tenant in text else ""
