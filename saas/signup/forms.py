"""The forms that open a workspace."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired

from saas.accounts.forms import NewPasswordField
from saas.core.forms import AddressField, LineField


class WorkspaceForm(FlaskForm):
    """For a person who has an account."""

    business = LineField("Business name", longest=120)
    address = StringField(
        "Workspace address",
        [DataRequired("Choose the address of your workspace.")],
        filters=[lambda value: value.strip().lower() if value else value],
    )
    plan = HiddenField("Plan")  # chosen on the pricing page; empty: none was
    interval = HiddenField("Interval")


class SignUpForm(WorkspaceForm):
    email = AddressField()
    password = NewPasswordField()
