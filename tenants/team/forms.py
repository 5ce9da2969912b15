"""The forms of a team, and of joining one."""

from collections.abc import Iterable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import SelectField

from saas.accounts.forms import NewPasswordField
from saas.core.forms import AddressField, LineField, choices
from tenants.members.models import Role

SAYS = {
    Role.OWNER: "Owner: everything, and who else is an owner",
    Role.ADMIN: "Admin: everything but payments and owners",
    Role.DEVELOPER: "Developer: collections, records and API keys",
    Role.EDITOR: "Editor: reads and writes records",
    Role.VIEWER: "Viewer: reads records",
    Role.BILLING: "Billing: the plan, invoices and payments",
}


def _choices(roles: Iterable[Role]) -> list[Any]:
    return choices((role.value, SAYS[role]) for role in roles)


class RoleField(SelectField):
    def __init__(self, label: str = "Role", **options: Any) -> None:
        super().__init__(label, choices=_choices(Role), **options)

    def offer(self, roles: Iterable[Role]) -> None:
        """Show only these; another one that is sent all the same is for the service to refuse."""
        self.choices = _choices(roles)


class InviteForm(FlaskForm):
    email = AddressField()
    role = RoleField(default=Role.DEVELOPER.value)


class RoleForm(FlaskForm):
    role = RoleField()


class JoinForm(FlaskForm):
    """The address is the invitation's."""

    name = LineField("Your name", longest=200)
    password = NewPasswordField()
