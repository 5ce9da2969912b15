"""`docs/permissions.md`, written from the table."""

from collections.abc import Iterable

from tenants.members.models import Role
from tenants.members.permissions import Permission

_HEAD = """# Who may do what

Made from the table in `tenants/members/permissions.py` and what the rooms add to it; `./dev lint --fix` writes it anew.

A member has one role in each workspace. An API key has a role as well: viewer, editor or developer. Each page and each
call of the API asks for one permission; one that names none is refused to everybody. Modules of your own add rows.

"""
_FOOT = """
Beyond the table:

- Nobody gives themselves what their role does not have.
- A workspace has at least one owner: the last one can't leave or become something else.
- Whoever leaves or is removed is signed out of the workspace at once, and the API keys they made there are revoked, as
  are open invitations that they sent.
- A new role counts from the next request. Keys that its holder has made and that may more than the new role are
  revoked, and so are invitations that they could not send any more.
"""


def page(permissions: Iterable[Permission]) -> str:
    """The text of the page, with a row for each permission."""
    lines = [
        "| " + " | ".join(["may …", *(role.value for role in Role), "permission"]) + " |",
        "|" + "|".join(["---", *(":-:" for _ in Role), "---"]) + "|",
    ]
    for each in permissions:
        marks = ["yes" if role in each.roles else "" for role in Role]
        lines.append("| " + " | ".join([each.sentence, *marks, f"`{each.name}`"]) + " |")
    return _HEAD + "\n".join(lines) + "\n" + _FOOT
