"""`docs/permissions.md`, written from the table."""

from collections.abc import Iterable

from tenants.members.models import Role
from tenants.members.permissions import Permission

_HEAD = """# Who may do what

Made from the table in `tenants/members/permissions.py` and what the rooms add to it; `./dev lint --fix` writes it anew.

A member has one role in each workspace. An API key has a role as well: viewer, editor or developer. Each page and each
call of the API asks for one permission; one that names none is refused to everybody. Modules of your own add rows.

A workspace whose payment is overdue becomes read-only and later suspended. The last columns say what each permission is
good for then: everything, reading and removing, or nothing.

"""
_FOOT = """
Beyond the table:

- Nobody gives themselves what their role does not have.
- A workspace has at least one owner: the last one can't leave or become something else.
- Whoever leaves or is removed is signed out of the workspace at once, and the API keys they made there are revoked, as
  are open invitations that they sent.
- A new role counts from the next request. Keys that its holder has made and that may more than the new role are
  revoked, and so are invitations that they could not send any more.
- Members beyond the plan's seats may do what a viewer may, until there is a seat for them; who only pays goes on
  paying. Owners have the first seats, then whoever joined first; the first owner has one in any case.
"""


def page(permissions: Iterable[Permission]) -> str:
    """The text of the page, with a row for each permission."""
    lines = [
        _row(["may …", *(role.value for role in Role), "while read-only", "while suspended", "permission"]),
        "|" + "|".join(["---", *(":-:" for _ in Role), "---", "---", "---"]) + "|",
    ]
    for each in permissions:
        marks = ["yes" if role in each.roles else "" for role in Role]
        late = "reading, removing" if each.writes else "yes", "yes" if each.always else ""
        lines.append(_row([each.sentence, *marks, *late, f"`{each.name}`"]))
    return _HEAD + "\n".join(lines) + "\n" + _FOOT


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
