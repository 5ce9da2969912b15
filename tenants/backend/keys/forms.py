"""The form that makes an API key."""

from flask_wtf import FlaskForm
from wtforms import SelectField

from saas.core.forms import LineField, choices
from tenants.backend.keys.service import ROLES
from tenants.members.models import Role

_MAY = {
    Role.VIEWER: "Viewer: reads records",
    Role.EDITOR: "Editor: reads and writes records",
    Role.DEVELOPER: "Developer: does what a developer may",
}


class KeyForm(FlaskForm):
    label = LineField("Label", longest=80)
    role = SelectField("Role", choices=choices((role.value, _MAY[role]) for role in ROLES), default=Role.EDITOR.value)
