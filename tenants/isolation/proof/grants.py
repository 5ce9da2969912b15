"""Compares who may what on an object with who should."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tenants.isolation.proof.catalogue import Finding

Grant = tuple[str, str, bool]  # grantee, privilege ("SELECT"; of a column, "SELECT (id)"), whether it may pass it on
Rights = Mapping[str, Iterable[str]]  # privileges by grantee

TABLE = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")  # the owner's
ROWS = TABLE[:4]
SEQUENCE = ("SELECT", "UPDATE", "USAGE")
SCHEMA = ("USAGE", "CREATE")


@dataclass(frozen=True)
class Target:
    """What is granted on."""

    name: str
    on: str  # as GRANT names it: `TABLE platform.users`
    before: str = ""  # `ALTER DEFAULT PRIVILEGES … `

    def give(self, privileges: Iterable[str], grantee: str) -> str:
        return f"{self.before}GRANT {', '.join(privileges)} ON {self.on} TO {grantee};"

    def take(self, privileges: Iterable[str], grantee: str) -> str:
        return f"{self.before}REVOKE {', '.join(privileges)} ON {self.on} FROM {grantee};"


def both(*rights: Rights) -> Rights:
    """Several of them in one: whoever owns an object by mistake may be named in another of them too."""
    merged: dict[str, list[str]] = {}
    for some in rights:
        for grantee, privileges in some.items():
            merged.setdefault(grantee, []).extend(privileges)
    return merged


def compare(check: str, target: Target, wanted: Rights, found: Iterable[Grant]) -> Iterator[Finding]:
    """What is granted too much and too little; a finding for each grantee."""
    should = {(grantee, privilege) for grantee, privileges in wanted.items() for privilege in privileges}
    found = list(found)
    does = {(grantee, privilege) for grantee, privilege, _ in found}
    for grantee, privileges in _by_grantee(does - should):
        mend = [target.take(privileges, grantee), *_columns_again(target, privileges, wanted.get(grantee, ()), grantee)]
        yield Finding(check, target.name, f"grants {', '.join(privileges)} to {grantee}", " ".join(mend))
    for grantee, privileges in _by_grantee(should - does):
        says = f"does not grant {', '.join(privileges)} to {grantee}"
        yield Finding(check, target.name, says, target.give(privileges, grantee))
    passes_on = {(grantee, privilege) for grantee, privilege, may in found if may} & should
    for grantee, privileges in _by_grantee(passes_on):
        take = target.take(privileges, grantee).replace("REVOKE ", "REVOKE GRANT OPTION FOR ", 1)
        says = f"lets {grantee} grant {', '.join(privileges)} to others"
        yield Finding(check, target.name, says, take.replace(";", " CASCADE;"))


def _columns_again(target: Target, taken: Iterable[str], wanted: Iterable[str], grantee: str) -> Iterator[str]:
    """Revoking a privilege on a table revokes it on its columns too (PostgreSQL's manual, REVOKE)."""
    if columns := sorted(right for right in wanted if right.partition(" (")[0] in taken):
        yield target.give(columns, grantee)


def _by_grantee(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    sorted_pairs: dict[str, list[str]] = {}
    for grantee, privilege in sorted(pairs):
        sorted_pairs.setdefault(grantee, []).append(privilege)
    yield from sorted_pairs.items()
